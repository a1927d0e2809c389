param location string
param tags object
param names object

// Without rules of its own a group admits the network and Azure's load balancer, nothing else.
resource rules 'Microsoft.Network/networkSecurityGroups@2024-07-01' = {
  name: names.rules
  location: location
  tags: tags
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: names.network
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.20.0.0/16'] }
    subnets: [
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.20.0.0/24'
          networkSecurityGroup: { id: rules.id }
        }
      }
      {
        name: 'nodes'
        properties: {
          addressPrefix: '10.20.4.0/22'
          networkSecurityGroup: { id: rules.id }
        }
      }
    ]
  }
}
