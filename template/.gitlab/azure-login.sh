#!/usr/bin/env bash
# Log in to Azure again: a rollout may take longer than a token of Azure lasts. AZURE_TOKEN lasts as long as the job.
set -euo pipefail
az login --service-principal --username "$CLIENT_ID" --tenant "$AZURE_TENANT_ID" --federated-token "$AZURE_TOKEN" \
  --output none
