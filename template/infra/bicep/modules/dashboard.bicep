param location string
param tags object
param names object
param logs string

resource dashboard 'Microsoft.Insights/workbooks@2023-06-01' = {
  // A workbook is named by a GUID; people see the display name.
  name: guid(resourceGroup().id, 'dashboard')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    category: 'workbook'
    displayName: names.dashboard
    serializedData: loadTextContent('../../dashboard.json')
    sourceId: logs
    version: 'Notebook/1.0'
  }
}
