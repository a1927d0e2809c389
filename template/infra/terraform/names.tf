# All names are defined here. Azure limits their length, and some must be globally unique.
locals {
  # Without a service there is no image to build.
  builds = var.home && (var.kubernetes || var.managed_endpoint)

  stem   = "${var.project}-${var.environment}"
  short  = substr(replace(var.project, "-", ""), 0, 8)
  unique = substr(sha256("${data.azurerm_client_config.current.subscription_id}/${local.stem}"), 0, 6)
  names = {
    group     = "rg-${local.stem}"
    identity  = "id-${local.stem}"
    storage   = "st${local.short}${var.environment}${local.unique}"
    vault     = "kv-${local.short}-${var.environment}-${local.unique}"
    registry  = "cr${local.short}${var.environment}${local.unique}"
    logs      = "log-${local.stem}"
    insights  = "appi-${local.stem}"
    workspace = "mlw-${substr(var.project, 0, 20)}-${var.environment}"
    compute   = "cpu-cluster"
    cluster   = "aks-${substr(var.project, 0, 40)}-${var.environment}"
    network   = "vnet-${local.stem}"
    rules     = "nsg-${local.stem}"
    endpoint  = "pep-${local.stem}"
    people    = "ag-${local.stem}"
    dashboard = "${var.project} ${var.environment}"
    topic     = "evgt-${substr(var.project, 0, 40)}-${var.environment}"
    budget    = "budget-${local.stem}"
  }
}
