#!/usr/bin/env bash
# Branch policies of main, as code. A project administrator runs it once, after `az login`:
#   bash .azuredevops/policies.sh ORGANIZATION-URL PROJECT REPOSITORY PIPELINE OWNER-EMAIL
# PIPELINE is the one that checks a change. To change a policy, delete those of main under Project
# settings, Repositories, Policies, and run it again. Undo: delete them.
set -euo pipefail
if [ $# -ne 5 ]; then
  sed -n '3s/^# */usage: /p' "$0" >&2
  exit 2
fi
organization=$1 project=$2 repository=$3 pipeline=$4 owner=$5
where=(--organization "$organization" --project "$project")

repository_id=$(az repos show "${where[@]}" --repository "$repository" --query id --output tsv)
pipeline_id=$(az pipelines show "${where[@]}" --name "$pipeline" --query id --output tsv)
branch=(--repository-id "$repository_id" --branch main)
count=$(az repos policy list "${where[@]}" "${branch[@]}" --query 'length(@)' --output tsv)
if [ "$count" != 0 ]; then
  echo "main has $count policies already: delete them first, nothing was changed" >&2
  exit 1
fi
policy() { az repos policy "$1" create "${where[@]}" "${branch[@]}" --blocking true --enabled true "${@:2}" --output none; }

policy approver-count --minimum-approver-count 1 --creator-vote-counts false \
  --allow-downvotes false --reset-on-source-push true
policy comment-required
policy merge-strategy --allow-squash true --allow-no-fast-forward true \
  --allow-rebase false --allow-rebase-merge false
policy build --build-definition-id "$pipeline_id" --display-name check --valid-duration 0 \
  --queue-on-source-update-only false --manual-queue-only false
policy required-reviewer --required-reviewer-ids "$owner" --message "Owner of what decides and delivers" \
  --path-filter "/params.yaml;/dvc.yaml;/docs/project/*;/azure-pipelines/*;/.azuredevops/*;/azureml/*;/deploy/*;/infra/*;/environments/*;/tools/*;/.secrets.baseline;/expiry.yaml"
echo "main: 5 policies"
