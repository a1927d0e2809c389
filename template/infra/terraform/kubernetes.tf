resource "azurerm_role_assignment" "subnet_access" {
  count = var.kubernetes && var.private_network ? 1 : 0

  scope                = azurerm_subnet.subnet["nodes"].id
  role_definition_name = "Network Contributor"
  principal_id         = azurerm_user_assigned_identity.cluster_identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_kubernetes_cluster" "cluster" {
  # checkov:skip=CKV_AZURE_4:metrics and audit logs go out by diagnostic settings; Container Insights costs by the line
  # checkov:skip=CKV_AZURE_6:hosted runners have no fixed addresses; Entra alone lets in
  # checkov:skip=CKV_AZURE_115:hosted runners must reach the API; Entra alone lets in
  # checkov:skip=CKV_AZURE_117:keys of the platform; add one of your own where a rule demands it
  # checkov:skip=CKV_AZURE_172:no secrets are mounted: pods use identities
  # checkov:skip=CKV_AZURE_226:not every size has room for it
  # checkov:skip=CKV_AZURE_227:needs a feature that the subscription must register first
  # checkov:skip=CKV_AZURE_232:one pool; add a second for heavier services
  count = var.kubernetes ? 1 : 0

  name                = local.names.cluster
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags

  dns_prefix                        = local.names.cluster
  sku_tier                          = "Standard"
  local_account_disabled            = true
  role_based_access_control_enabled = true
  oidc_issuer_enabled               = true
  workload_identity_enabled         = true
  azure_policy_enabled              = true
  automatic_upgrade_channel         = "stable"
  node_os_upgrade_channel           = "NodeImage"
  image_cleaner_enabled             = true
  image_cleaner_interval_hours      = 168

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.cluster_identity[0].id]
  }

  azure_active_directory_role_based_access_control {
    azure_rbac_enabled = true
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
  }

  node_provisioning_profile {
    mode = "Manual"
  }

  default_node_pool {
    name                 = "system"
    vm_size              = var.kubernetes_size
    os_sku               = "AzureLinux"
    auto_scaling_enabled = true
    min_count            = 2
    max_count            = var.kubernetes_max_nodes
    max_pods             = 110
    vnet_subnet_id       = var.private_network ? azurerm_subnet.subnet["nodes"].id : null

    upgrade_settings {
      max_surge = "33%"
    }
  }

  depends_on = [azurerm_role_assignment.subnet_access]
}

resource "azurerm_role_assignment" "pull" {
  count = var.kubernetes ? 1 : 0

  scope                = azurerm_container_registry.registry.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_kubernetes_cluster.cluster[0].kubelet_identity[0].object_id
  principal_type       = "ServicePrincipal"
}

# Rollouts are resources of their own kind, which the writer's role does not cover.
resource "azurerm_role_assignment" "cluster_access" {
  for_each = toset(var.kubernetes ? [
    "Azure Kubernetes Service Cluster User Role",
    "Azure Kubernetes Service RBAC Admin",
  ] : [])

  scope                = azurerm_kubernetes_cluster.cluster[0].id
  role_definition_name = each.key
  principal_id         = azurerm_user_assigned_identity.delivery_identity.principal_id
  principal_type       = "ServicePrincipal"
}
