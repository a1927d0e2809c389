locals {
  trusts = merge(
    { delivery = [azurerm_user_assigned_identity.delivery_identity.id, var.federation_subject] },
    var.home ? {
      reader  = [azurerm_user_assigned_identity.reader_identity[0].id, var.reader_subject]
      trainer = [azurerm_user_assigned_identity.trainer_identity[0].id, var.trainer_subject]
    } : {},
    local.builds ? {
      builder = [azurerm_user_assigned_identity.builder_identity[0].id, var.builder_subject]
    } : {},
  )
}

resource "azurerm_federated_identity_credential" "trust" {
  for_each = local.trusts

  name                      = "ci"
  user_assigned_identity_id = each.value[0]
  issuer                    = var.federation_issuer
  subject                   = each.value[1]
  audience                  = [var.federation_audience]
}
