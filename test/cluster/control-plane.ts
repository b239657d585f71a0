import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Manifest } from '../kserve/manifests.ts'

export interface Outcome {
  readonly ok: boolean
  /** What it printed, or why it failed. */
  readonly output: string
}

export interface ControlPlane {
  /** Where logs, keys and data are, until it stops. */
  readonly folder: string
  /** The certificate of the API server, its issuer with it, and the key. */
  readonly certificate: string
  readonly key: string
  kubectl(words: readonly string[], input?: string): Outcome
  /** What kubectl prints. @throws Error where it fails. */
  must(words: readonly string[], input?: string): string
  apply(manifests: string): string
  /** Until all CRDs are served. */
  establish(): Promise<void>
  /** What the API server says of an object, strictly; nothing is kept of it. */
  tried(manifest: Manifest, namespace: string): Outcome
  get<T>(...words: string[]): T
  /** Starts one of the binaries, which ends with the control plane, and waits for its probe. */
  start(name: string, words: readonly string[], probe: string, env?: NodeJS.ProcessEnv): Promise<void>
  stop(): Promise<void>
}

const address = 'https://127.0.0.1:6443'
// Of a server that lives for a test, in a network of its own.
const token = 'admin'

const deadline = 300_000

/** etcd, kube-apiserver and kube-controller-manager of `binaries`, on loopback, at their usual ports. */
export async function startControlPlane(binaries: string): Promise<ControlPlane> {
  const folder = mkdtempSync(join(tmpdir(), 'altiplano-cluster-'))
  const at = (name: string): string => join(folder, name)
  const children: ChildProcess[] = []

  const start: ControlPlane['start'] = async (name, words, probe, env = {}) => {
    const log = at(`${name}.log`)
    const out = openSync(log, 'a')
    const child = spawn(join(binaries, name), words, {
      stdio: ['ignore', out, out],
      env: { ...process.env, KUBECONFIG: at('kubeconfig'), ...env },
    })
    children.unshift(child)
    const until = Date.now() + deadline
    while (!(await answers(probe))) {
      if (child.exitCode !== null || Date.now() > until)
        throw new Error(`${name} is not there:\n${readFileSync(log, 'utf8').slice(-4000)}`)
      await pause(100)
    }
    console.log(`${name} runs`)
  }

  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  writeFileSync(at('accounts.key'), privateKey)
  writeFileSync(at('accounts.pub'), publicKey)
  writeFileSync(at('tokens'), `${token},admin,admin,system:masters\n`)
  writeFileSync(at('kubeconfig'), kubeconfig(at('apiserver.crt')))

  const stop = async (): Promise<void> => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    rmSync(folder, { recursive: true })
  }

  try {
    await start('etcd', ['--data-dir', at('etcd'), '--unsafe-no-fsync'], 'http://127.0.0.1:2379/health')
    await start(
      'kube-apiserver',
      [
        '--etcd-servers=http://127.0.0.1:2379',
        '--bind-address=127.0.0.1',
        '--advertise-address=127.0.0.1',
        '--endpoint-reconciler-type=none',
        // The CRDs of KServe have megabytes, and the machine may be busy.
        '--request-timeout=10m',
        '--service-cluster-ip-range=10.96.0.0/16',
        '--authorization-mode=RBAC',
        `--cert-dir=${folder}`,
        `--token-auth-file=${at('tokens')}`,
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${at('accounts.pub')}`,
        `--service-account-signing-key-file=${at('accounts.key')}`,
      ],
      `${address}/readyz`,
    )
    await start(
      'kube-controller-manager',
      [
        `--kubeconfig=${at('kubeconfig')}`,
        '--bind-address=127.0.0.1',
        '--leader-elect=false',
        '--controllers=deployment,replicaset,serviceaccount,namespace,garbagecollector,disruption,endpointslice',
        `--cert-dir=${folder}`,
      ],
      'https://127.0.0.1:10257/healthz',
    )
  } catch (error) {
    await stop()
    throw error
  }

  const kubectl: ControlPlane['kubectl'] = (words, input = '') => {
    const { status, stdout, stderr } = spawnSync(join(binaries, 'kubectl'), words, {
      input,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: { ...process.env, KUBECONFIG: at('kubeconfig'), HOME: folder },
    })
    return { ok: status === 0, output: status === 0 ? stdout : stderr }
  }
  const must: ControlPlane['must'] = (words, input) => {
    const { ok, output } = kubectl(words, input)
    if (!ok) throw new Error(`kubectl ${words.join(' ')}: ${output}`)
    return output
  }
  return {
    folder,
    certificate: readFileSync(at('apiserver.crt'), 'utf8'),
    key: readFileSync(at('apiserver.key'), 'utf8'),
    start,
    stop,
    kubectl,
    must,
    apply: (manifests) => must(['apply', '--server-side', '-f', '-'], manifests),
    async establish() {
      const wait = ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']
      // kubectl gives up where one of them has no status yet.
      for (let tries = 0; !kubectl(wait).ok; tries++) {
        if (tries > 20) must(wait)
        await pause(500)
      }
    },
    tried: ({ file: _, ...object }, namespace) => {
      const words = ['apply', '--server-side', '--validate=strict', '--dry-run=server', '-f', '-']
      return kubectl([...words, '-n', object.metadata.namespace ?? namespace], JSON.stringify(object))
    },
    get: <T>(...words: string[]) => JSON.parse(must(['get', '-o', 'json', ...words])) as T,
  }
}

/** Whether a probe is answered well; over HTTPS, by whomever. */
export function answers(probe: string): Promise<boolean> {
  const get = probe.startsWith('https:') ? https.get : http.get
  return new Promise((resolve) => {
    const request = get(probe, { rejectUnauthorized: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.once('error', () => resolve(false))
  })
}

const kubeconfig = (authority: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: address, 'certificate-authority': authority } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  })
