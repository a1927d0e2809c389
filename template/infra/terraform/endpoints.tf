locals {
  services = var.private_network ? {
    blob = {
      target = azurerm_storage_account.storage.id
      zones  = ["privatelink.blob.core.windows.net"]
    }
    file = {
      target = azurerm_storage_account.storage.id
      zones  = ["privatelink.file.core.windows.net"]
    }
    queue = {
      target = azurerm_storage_account.storage.id
      zones  = ["privatelink.queue.core.windows.net"]
    }
    vault = {
      target = azurerm_key_vault.vault.id
      zones  = ["privatelink.vaultcore.azure.net"]
    }
    registry = {
      target = azurerm_container_registry.registry.id
      zones  = ["privatelink.azurecr.io"]
    }
    amlworkspace = {
      target = azurerm_machine_learning_workspace.workspace.id
      zones  = ["privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"]
    }
  } : {}
}

resource "azurerm_private_dns_zone" "zone" {
  for_each = toset(flatten([for service in local.services : service.zones]))

  name                = each.key
  resource_group_name = azurerm_resource_group.group.name
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "link" {
  for_each = azurerm_private_dns_zone.zone

  name                = "network"
  private_dns_zone_id = each.value.id
  virtual_network_id  = azurerm_virtual_network.network[0].id
  tags                = var.tags
}

resource "azurerm_private_endpoint" "endpoint" {
  for_each = local.services

  name                = "${local.names.endpoint}-${each.key}"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
  subnet_id           = azurerm_subnet.subnet["endpoints"].id

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = each.value.target
    subresource_names              = [each.key]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [for zone in each.value.zones : azurerm_private_dns_zone.zone[zone].id]
  }
}
