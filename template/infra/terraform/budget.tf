resource "azurerm_consumption_budget_resource_group" "budget" {
  name              = local.names.budget
  resource_group_id = azurerm_resource_group.group.id
  amount            = var.budget_amount
  time_grain        = "Monthly"

  time_period {
    start_date = formatdate("YYYY-MM-01'T'00:00:00Z", plantimestamp())
  }

  notification {
    operator       = "GreaterThan"
    threshold      = 80
    threshold_type = "Actual"
    contact_emails = var.emails
  }

  notification {
    operator       = "GreaterThan"
    threshold      = 100
    threshold_type = "Forecasted"
    contact_emails = var.emails
  }

  # A budget starts on the first day of the month of its creation; a new date would replace it.
  lifecycle {
    ignore_changes = [time_period]
  }
}
