resource "azurerm_federated_identity_credential" "delivery" {
  name                      = "delivery"
  user_assigned_identity_id = azurerm_user_assigned_identity.delivery_identity.id
  issuer                    = var.federation_issuer
  subject                   = var.federation_subject
  audience                  = [var.federation_audience]
}
