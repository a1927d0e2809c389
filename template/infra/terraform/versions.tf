terraform {
  required_version = ">= 1.9.0"

  # What differs by environment stands in environments/*.tfbackend; access is by Entra, without keys.
  backend "azurerm" {
    container_name   = "tfstate"
    use_azuread_auth = true
  }

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.10"
    }
  }
}

# The subscription is the one in ARM_SUBSCRIPTION_ID.
provider "azurerm" {
  storage_use_azuread = true

  features {
    key_vault {
      purge_soft_delete_on_destroy = false
    }
    resource_group {
      prevent_deletion_if_contains_resources = true
    }
  }
}

data "azurerm_client_config" "current" {}
