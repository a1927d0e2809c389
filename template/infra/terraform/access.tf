# Who may do what with which resource: identity, role. The workspace opens its private endpoints itself.
locals {
  principals = {
    workspace = azurerm_user_assigned_identity.workspace_identity.principal_id
    training  = azurerm_user_assigned_identity.training_identity.principal_id
    delivery  = azurerm_user_assigned_identity.delivery_identity.principal_id
    reader    = one(azurerm_user_assigned_identity.reader_identity[*].principal_id)
    trainer   = one(azurerm_user_assigned_identity.trainer_identity[*].principal_id)
    builder   = one(azurerm_user_assigned_identity.builder_identity[*].principal_id)
    serving   = one(azurerm_user_assigned_identity.serving_identity[*].principal_id)
  }
  approver = var.private_network ? [["workspace", "Azure AI Enterprise Network Connection Approver"]] : []

  storage_grants = concat(
    [
      ["workspace", "Contributor"],
      ["workspace", "Storage Blob Data Contributor"],
      ["workspace", "Storage File Data Privileged Contributor"],
      ["training", "Storage Blob Data Contributor"],
      ["delivery", "Storage Blob Data Reader"],
    ],
    var.home ? [
      ["reader", "Storage Blob Data Reader"],
      ["trainer", "Storage Blob Data Contributor"],
    ] : [],
    local.builds ? [["builder", "Storage Blob Data Reader"]] : [],
    var.managed_endpoint ? [["serving", "Storage Blob Data Reader"]] : [],
    local.approver,
  )
  vault_grants = concat(
    [
      ["workspace", "Contributor"],
      ["workspace", "Key Vault Administrator"],
    ],
    local.approver,
  )
  registry_grants = concat(
    [
      ["workspace", "Contributor"],
      ["training", "AcrPull"],
    ],
    local.builds ? [["builder", "AcrPush"], ["delivery", "AcrPull"]] : [],
    var.managed_endpoint ? [["serving", "AcrPull"]] : [],
    local.approver,
  )
  insights_grants = [
    ["workspace", "Contributor"],
  ]
  # The workspace is the registry: the drift check reads it, a training and a release without a cluster write it.
  # A rollout reads the metrics of the endpoint, which AzureML Data Scientist may not.
  workspace_grants = concat(
    [
      ["workspace", "Contributor"],
      ["training", "AzureML Data Scientist"],
    ],
    var.home ? [["reader", "Reader"], ["trainer", "AzureML Data Scientist"]] : [],
    var.kubernetes ? [] : [["delivery", "AzureML Data Scientist"]],
    var.managed_endpoint ? [["delivery", "Monitoring Reader"]] : [],
  )
}

resource "azurerm_role_assignment" "storage_grant" {
  for_each = { for grant in local.storage_grants : join(": ", grant) => grant }

  scope                = azurerm_storage_account.storage.id
  role_definition_name = each.value[1]
  principal_id         = local.principals[each.value[0]]
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "vault_grant" {
  for_each = { for grant in local.vault_grants : join(": ", grant) => grant }

  scope                = azurerm_key_vault.vault.id
  role_definition_name = each.value[1]
  principal_id         = local.principals[each.value[0]]
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "registry_grant" {
  for_each = { for grant in local.registry_grants : join(": ", grant) => grant }

  scope                = azurerm_container_registry.registry.id
  role_definition_name = each.value[1]
  principal_id         = local.principals[each.value[0]]
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "insights_grant" {
  for_each = { for grant in local.insights_grants : join(": ", grant) => grant }

  scope                = azurerm_application_insights.insights.id
  role_definition_name = each.value[1]
  principal_id         = local.principals[each.value[0]]
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "workspace_grant" {
  for_each = { for grant in local.workspace_grants : join(": ", grant) => grant }

  scope                = azurerm_machine_learning_workspace.workspace.id
  role_definition_name = each.value[1]
  principal_id         = local.principals[each.value[0]]
  principal_type       = "ServicePrincipal"
}

# The identities of the other environments, which release the same images and read the same data.
resource "azurerm_role_assignment" "storage_guest" {
  for_each = toset(var.data_readers)

  scope                = azurerm_storage_account.storage.id
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = each.key
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "registry_guest" {
  for_each = toset(var.image_readers)

  scope                = azurerm_container_registry.registry.id
  role_definition_name = "AcrPull"
  principal_id         = each.key
  principal_type       = "ServicePrincipal"
}
