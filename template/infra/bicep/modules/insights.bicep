param location string
param tags object
param names object
param logs string
param grants array

var builtin = loadJsonContent('builtin.json')
var roles = '${subscription().id}/providers/Microsoft.Authorization/roleDefinitions'

// Local authentication stays on: Azure Machine Learning writes with the connection string.
resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: names.insights
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logs
  }
}

resource insightsGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    scope: insights
    name: guid(insights.id, grant.identity.id, grant.role)
    properties: {
      principalId: grant.identity.principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: '${roles}/${builtin[grant.role]}'
    }
  }
]

output id string = insights.id
