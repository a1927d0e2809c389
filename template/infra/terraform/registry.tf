# Private endpoints need the Premium tier.
resource "azurerm_container_registry" "registry" {
  # checkov:skip=CKV_AZURE_139:open without private_network, which a release from hosted runners needs; Entra alone lets in
  # checkov:skip=CKV_AZURE_163:Defender for Containers is a choice of the subscription
  # checkov:skip=CKV_AZURE_164:the release signs with cosign, which needs no trust policy here
  # checkov:skip=CKV_AZURE_165:one region
  # checkov:skip=CKV_AZURE_166:the release scans before it pushes
  # checkov:skip=CKV_AZURE_167:no untagged images: each is released by digest
  # checkov:skip=CKV_AZURE_233:Premium only
  # checkov:skip=CKV_AZURE_237:Premium only
  name                = local.names.registry
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags

  sku                           = var.private_network ? "Premium" : "Standard"
  admin_enabled                 = false
  anonymous_pull_enabled        = false
  network_rule_bypass_option    = "AzureServices"
  public_network_access_enabled = !var.private_network
}
