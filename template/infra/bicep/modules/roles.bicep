param environment string
param project string
param members array

var definitions = loadJsonContent('../../roles.json')
var scope = resourceGroup().id

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for definition in definitions: {
    name: guid(scope, definition.name)
    properties: {
      roleName: '${project} ${environment}: ${definition.name}'
      description: definition.description
      type: 'CustomRole'
      assignableScopes: [scope]
      permissions: [
        {
          actions: definition.actions
          notActions: definition.notActions
          dataActions: definition.dataActions
          notDataActions: []
        }
      ]
    }
  }
]

// A role without a group in `members` is defined and given to nobody.
resource member 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in members: {
    name: guid(scope, grant.role, grant.group)
    dependsOn: [role]
    properties: {
      principalId: grant.group
      principalType: 'Group'
      roleDefinitionId: resourceId('Microsoft.Authorization/roleDefinitions', guid(scope, grant.role))
    }
  }
]
