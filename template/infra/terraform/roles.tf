locals {
  roles = { for role in jsondecode(file("${path.module}/../roles.json")) : role.name => role }
}

resource "azurerm_role_definition" "role" {
  for_each = local.roles

  name              = "${var.project} ${var.environment}: ${each.key}"
  description       = each.value.description
  scope             = azurerm_resource_group.group.id
  assignable_scopes = [azurerm_resource_group.group.id]

  permissions {
    actions      = each.value.actions
    not_actions  = each.value.notActions
    data_actions = each.value.dataActions
  }
}

# A role without a group in `members` is defined and given to nobody.
resource "azurerm_role_assignment" "member" {
  for_each = { for member in var.members : "${member.role}: ${member.group}" => member }

  scope              = azurerm_resource_group.group.id
  role_definition_id = azurerm_role_definition.role[each.value.role].role_definition_resource_id
  principal_id       = each.value.group
  principal_type     = "Group"
}
