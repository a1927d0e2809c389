param location string
param tags object
param names object
param identity object
param registry string
param delivery object
param privateNetwork bool
param size string
param maxNodes int

var builtin = loadJsonContent('builtin.json')
var roles = '${subscription().id}/providers/Microsoft.Authorization/roleDefinitions'
// Rollouts are resources of their own kind, which the writer's role does not cover.
var deliveryRoles = ['Azure Kubernetes Service Cluster User Role', 'Azure Kubernetes Service RBAC Admin']

resource images 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: registry
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' existing = {
  name: names.network
}

resource nodes 'Microsoft.Network/virtualNetworks/subnets@2024-07-01' existing = {
  parent: network
  name: 'nodes'
}

resource subnetAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (privateNetwork) {
  scope: nodes
  name: guid(nodes.id, names.cluster, 'Network Contributor')
  properties: {
    principalId: identity.principal
    principalType: 'ServicePrincipal'
    roleDefinitionId: '${roles}/${builtin['Network Contributor']}'
  }
}

resource cluster 'Microsoft.ContainerService/managedClusters@2025-05-01' = {
  // checkov:skip=CKV_AZURE_4:metrics and audit logs go out by diagnostic settings; Container Insights costs by the line
  // checkov:skip=CKV_AZURE_6:hosted runners have no fixed addresses; Entra alone lets in
  // checkov:skip=CKV_AZURE_8:the add-on does not exist any more
  // checkov:skip=CKV_AZURE_172:no secrets are mounted: pods use identities
  // checkov:skip=CKV_AZURE_226:not every size has room for it
  // checkov:skip=CKV_AZURE_227:needs a feature that the subscription must register first
  name: names.cluster
  location: location
  tags: tags
  sku: { name: 'Base', tier: 'Standard' }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    dnsPrefix: names.cluster
    disableLocalAccounts: true
    enableRBAC: true
    aadProfile: { managed: true, enableAzureRBAC: true }
    oidcIssuerProfile: { enabled: true }
    securityProfile: {
      workloadIdentity: { enabled: true }
      imageCleaner: { enabled: true, intervalHours: 168 }
    }
    autoUpgradeProfile: { upgradeChannel: 'stable', nodeOSUpgradeChannel: 'NodeImage' }
    addonProfiles: { azurepolicy: { enabled: true } }
    networkProfile: {
      networkPlugin: 'azure'
      networkPluginMode: 'overlay'
      networkDataplane: 'cilium'
      networkPolicy: 'cilium'
    }
    agentPoolProfiles: [
      {
        name: 'system'
        mode: 'System'
        vmSize: size
        osSKU: 'AzureLinux'
        enableAutoScaling: true
        minCount: 2
        maxCount: maxNodes
        maxPods: 110
        vnetSubnetID: privateNetwork ? nodes.id : null
        upgradeSettings: { maxSurge: '33%' }
      }
    ]
  }
  dependsOn: [subnetAccess]
}

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: images
  name: guid(images.id, names.cluster, 'AcrPull')
  properties: {
    principalId: cluster.properties.identityProfile.kubeletidentity.objectId
    principalType: 'ServicePrincipal'
    roleDefinitionId: '${roles}/${builtin.AcrPull}'
  }
}

resource clusterAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in deliveryRoles: {
    scope: cluster
    name: guid(cluster.id, delivery.id, role)
    properties: {
      principalId: delivery.principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: '${roles}/${builtin[role]}'
    }
  }
]

output id string = cluster.id
output puller string = cluster.properties.identityProfile.kubeletidentity.objectId
