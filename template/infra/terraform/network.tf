# Without rules of its own a group admits the network and Azure's load balancer, nothing else.
resource "azurerm_network_security_group" "rules" {
  count = var.private_network ? 1 : 0

  name                = local.names.rules
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_virtual_network" "network" {
  count = var.private_network ? 1 : 0

  name                = local.names.network
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
  address_space       = ["10.20.0.0/16"]
}

resource "azurerm_subnet" "subnet" {
  for_each = var.private_network ? { endpoints = "10.20.0.0/24", nodes = "10.20.4.0/22" } : {}

  name                 = each.key
  resource_group_name  = azurerm_resource_group.group.name
  virtual_network_name = azurerm_virtual_network.network[0].name
  address_prefixes     = [each.value]
}

resource "azurerm_subnet_network_security_group_association" "subnet_rules" {
  for_each = azurerm_subnet.subnet

  subnet_id                 = each.value.id
  network_security_group_id = azurerm_network_security_group.rules[0].id
}
