param tags object
param names object
param emails array
@description('Resource -> id.')
param targets object
param kubernetes bool

var rules = [
  {
    name: 'failed-jobs'
    text: 'A job of the workspace has failed.'
    scope: targets.workspace
    namespace: 'Microsoft.MachineLearningServices/workspaces'
    metric: 'Failed Runs'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 0
    severity: 2
  }
  {
    name: 'unusable-nodes'
    text: 'Nodes of the compute cluster cannot be used.'
    scope: targets.workspace
    namespace: 'Microsoft.MachineLearningServices/workspaces'
    metric: 'Unusable Nodes'
    aggregation: 'Average'
    operator: 'GreaterThan'
    threshold: 0
    severity: 2
  }
  {
    name: 'storage'
    text: 'The storage account does not answer.'
    scope: targets.storage
    namespace: 'Microsoft.Storage/storageAccounts'
    metric: 'Availability'
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: 99
    severity: 2
  }
  {
    name: 'vault'
    text: 'The key vault does not answer.'
    scope: targets.vault
    namespace: 'Microsoft.KeyVault/vaults'
    metric: 'Availability'
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: 99
    severity: 2
  }
  {
    name: 'model-registered'
    text: 'A model was registered in the workspace: the queue model-events has its name and version.'
    scope: targets.topic
    namespace: 'Microsoft.EventGrid/systemTopics'
    metric: 'MatchedEventCount'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 0
    severity: 4
  }
]
var clusterRules = [
  {
    name: 'cluster-cpu'
    text: 'The nodes of the cluster are short of processor time.'
    scope: targets.cluster
    namespace: 'Microsoft.ContainerService/managedClusters'
    metric: 'node_cpu_usage_percentage'
    aggregation: 'Average'
    operator: 'GreaterThan'
    threshold: 85
    severity: 2
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: names.people
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'operators'
    emailReceivers: [
      for email in emails: {
        name: email
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alert 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in concat(rules, kubernetes ? clusterRules : []): {
    name: '${names.people}-${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: rule.text
      enabled: true
      severity: rule.severity
      scopes: [rule.scope]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.name
            metricNamespace: rule.namespace
            metricName: rule.metric
            timeAggregation: rule.aggregation
            operator: rule.operator
            threshold: rule.threshold
          }
        ]
      }
      actions: [{ actionGroupId: people.id }]
    }
  }
]
