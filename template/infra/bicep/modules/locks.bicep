param names object

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: names.storage
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: names.vault
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: names.registry
}

// Not the group and not the workspace: a lock is inherited, and a release deletes deployments.
resource storageLock 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: storage
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Data and models.' }
}

resource vaultLock 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: vault
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Secrets.' }
}

resource registryLock 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: registry
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Images that are in service.' }
}
