param location string
param tags object
param names object
param redundancy string
param retentionDays int
param privateNetwork bool
param grants array
param dataReaders array

var builtin = loadJsonContent('builtin.json')
var roles = '${subscription().id}/providers/Microsoft.Authorization/roleDefinitions'

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  // checkov:skip=CKV_AZURE_35:open without privateNetwork, which a release from hosted runners needs; Entra alone lets in
  // checkov:skip=CKV_AZURE_43:the name is within the rules; the scanner does not evaluate it
  // checkov:skip=CKV_AZURE_206:the parameter storageRedundancy decides
  name: names.storage
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
    }
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: storage
  name: 'default'
  properties: {
    isVersioningEnabled: true
    containerDeleteRetentionPolicy: { enabled: true, days: retentionDays }
    deleteRetentionPolicy: { enabled: true, days: retentionDays }
  }
}

// What DVC keeps, and the raw tables and files of jobs.
resource data 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [
  for name in ['dvc', 'project-data']: {
    parent: blobs
    name: name
    properties: { publicAccess: 'None' }
  }
]

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' = {
  parent: storage
  name: 'default'
}

resource events 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = {
  parent: queues
  name: 'model-events'
}

resource storageGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    scope: storage
    name: guid(storage.id, grant.identity.id, grant.role)
    properties: {
      principalId: grant.identity.principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: '${roles}/${builtin[grant.role]}'
    }
  }
]

resource storageGuest 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in dataReaders: {
    scope: storage
    name: guid(storage.id, principal, 'Storage Blob Data Reader')
    properties: {
      principalId: principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: '${roles}/${builtin['Storage Blob Data Reader']}'
    }
  }
]

output id string = storage.id
output name string = storage.name
output queue string = events.name
