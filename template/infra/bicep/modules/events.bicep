param location string
param tags object
param names object
param workspace string
param storage string
param queue string

var builtin = loadJsonContent('builtin.json')
var roles = '${subscription().id}/providers/Microsoft.Authorization/roleDefinitions'

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: names.storage
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: names.topic
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    source: workspace
    topicType: 'Microsoft.MachineLearningServices.Workspaces'
  }
}

resource sender 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, topic.id, 'sender')
  properties: {
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: '${roles}/${builtin['Storage Queue Data Message Sender']}'
  }
}

resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'model-events'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: [
        'Microsoft.MachineLearningServices.ModelRegistered'
      ]
    }
    deliveryWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      destination: {
        endpointType: 'StorageQueue'
        properties: {
          resourceId: storage
          queueName: queue
          queueMessageTimeToLiveInSeconds: 604800
        }
      }
    }
    retryPolicy: { eventTimeToLiveInMinutes: 1440, maxDeliveryAttempts: 30 }
  }
  dependsOn: [sender]
}

output topic string = topic.id
