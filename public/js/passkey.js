// @ts-check
import { Problem, call } from './call.js'

/** @typedef {{user: import('./chat.js').User, passkeys: {id: string, label?: string, made: number}[], recovery?: string}} Kept */

/** Signs in by a passkey, or throws: nothing where the user thought better of it. @returns {Promise<import('./chat.js').User | undefined>} */
export async function showPasskey() {
  const { options, state } = await call('POST', '/login/passkey', {})
  const credential = await answered(() => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }))
  return credential && (await call('POST', '/login/passkey', { state, credential })).user
}

/** Makes one, for whoever is signed in, or for whoever says a name. @param {{name?: string, label?: string}} who @returns {Promise<Kept | undefined>} */
export async function makePasskey({ name, label }) {
  const { options, state } = await call('POST', '/me/passkeys', { name })
  const credential = await answered(() => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }))
  return credential && call('POST', '/me/passkeys', { state, credential, label })
}

/** @param {() => Promise<Credential | null>} ask */
async function answered(ask) {
  try {
    return /** @type {PublicKeyCredential | null} */ (await ask())?.toJSON()
  } catch (error) {
    if (error instanceof DOMException && error.name === 'InvalidStateError') throw new Problem(409, 'InvalidStateError')
    if (error instanceof DOMException) return undefined // not now
    throw error
  }
}
