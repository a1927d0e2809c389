param location string
param tags object
param names object
param kubernetes bool
param managedEndpoint bool
param home bool
param builds bool

var builtin = loadJsonContent('builtin.json')
var roles = '${subscription().id}/providers/Microsoft.Authorization/roleDefinitions'

resource workspaceIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${names.identity}-workspace'
  location: location
  tags: tags
}

resource trainingIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${names.identity}-training'
  location: location
  tags: tags
}

resource deliveryIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${names.identity}-delivery'
  location: location
  tags: tags
}

resource servingIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (managedEndpoint) {
  name: '${names.identity}-serving'
  location: location
  tags: tags
}

resource clusterIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (kubernetes) {
  name: '${names.identity}-cluster'
  location: location
  tags: tags
}

// What CI does before an environment is concerned: checks read data, trainings write it, builds push images.
resource readerIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (home) {
  name: '${names.identity}-reader'
  location: location
  tags: tags
}

resource trainerIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (home) {
  name: '${names.identity}-trainer'
  location: location
  tags: tags
}

resource builderIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (builds) {
  name: '${names.identity}-builder'
  location: location
  tags: tags
}

// The release gives this identity to the endpoints that it makes.
resource servingAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (managedEndpoint) {
  scope: servingIdentity
  name: guid(servingIdentity.id, deliveryIdentity.id, 'Managed Identity Operator')
  properties: {
    principalId: deliveryIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: '${roles}/${builtin['Managed Identity Operator']}'
  }
}

output workspace object = { id: workspaceIdentity.id, principal: workspaceIdentity.properties.principalId }
output training object = { id: trainingIdentity.id, principal: trainingIdentity.properties.principalId }
output delivery object = { id: deliveryIdentity.id, principal: deliveryIdentity.properties.principalId }
output deliveryName string = deliveryIdentity.name
output deliveryClient string = deliveryIdentity.properties.clientId
output serving object = managedEndpoint ? { id: servingIdentity!.id, principal: servingIdentity!.properties.principalId } : {}
output cluster object = kubernetes ? { id: clusterIdentity!.id, principal: clusterIdentity!.properties.principalId } : {}
output reader object = home ? { id: readerIdentity!.id, principal: readerIdentity!.properties.principalId } : {}
output readerName string = home ? readerIdentity!.name : ''
output readerClient string = home ? readerIdentity!.properties.clientId : ''
output trainer object = home ? { id: trainerIdentity!.id, principal: trainerIdentity!.properties.principalId } : {}
output trainerName string = home ? trainerIdentity!.name : ''
output trainerClient string = home ? trainerIdentity!.properties.clientId : ''
output builder object = builds ? { id: builderIdentity!.id, principal: builderIdentity!.properties.principalId } : {}
output builderName string = builds ? builderIdentity!.name : ''
output builderClient string = builds ? builderIdentity!.properties.clientId : ''
