resource "azurerm_user_assigned_identity" "workspace_identity" {
  name                = "${local.names.identity}-workspace"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_user_assigned_identity" "training_identity" {
  name                = "${local.names.identity}-training"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_user_assigned_identity" "delivery_identity" {
  name                = "${local.names.identity}-delivery"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_user_assigned_identity" "serving_identity" {
  count = var.managed_endpoint ? 1 : 0

  name                = "${local.names.identity}-serving"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_user_assigned_identity" "cluster_identity" {
  count = var.kubernetes ? 1 : 0

  name                = "${local.names.identity}-cluster"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
}

# What CI does before an environment is concerned: checks read data, trainings write it, builds push images.
resource "azurerm_user_assigned_identity" "reader_identity" {
  count = var.home ? 1 : 0

  name                = "${local.names.identity}-reader"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_user_assigned_identity" "trainer_identity" {
  count = var.home ? 1 : 0

  name                = "${local.names.identity}-trainer"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_user_assigned_identity" "builder_identity" {
  count = local.builds ? 1 : 0

  name                = "${local.names.identity}-builder"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
}

# The release gives this identity to the endpoints that it makes.
resource "azurerm_role_assignment" "serving_access" {
  count = var.managed_endpoint ? 1 : 0

  scope                = azurerm_user_assigned_identity.serving_identity[0].id
  role_definition_name = "Managed Identity Operator"
  principal_id         = azurerm_user_assigned_identity.delivery_identity.principal_id
  principal_type       = "ServicePrincipal"
}
