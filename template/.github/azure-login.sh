#!/usr/bin/env bash
# Log in to Azure again with a new token of this job: a rollout may take longer than the first one lasts.
set -euo pipefail
own=$(curl --silent --show-error --fail --retry 3 \
  --header "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \
  "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=api://AzureADTokenExchange" | jq --exit-status --raw-output .value)
az login --service-principal --username "$AZURE_CLIENT_ID" --tenant "$AZURE_TENANT_ID" --federated-token "$own" \
  --output none
