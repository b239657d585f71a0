import { tmpdir } from 'node:os'

type Environment = Readonly<Record<string, string | undefined>>

/** Names of variables that children get. Windows writes them in any case. */
const NAMES = new Set([
  // Of every program.
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LANGUAGE', 'TZ', 'TZDIR', 'TMPDIR', 'TMP', 'TEMP'],
  // Of the C library.
  ...['GLIBC_TUNABLES', 'LOCPATH', 'MUSL_LOCPATH'],
  // Of Node. NODE_OPTIONS is for the gateway.
  ...[
    'NODE_ENV',
    'NODE_ICU_DATA',
    'NODE_COMPILE_CACHE',
    'NODE_V8_COVERAGE',
    'OPENSSL_CONF',
    'OPENSSL_MODULES',
  ],
  // Of Windows, without which nothing starts there.
  ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC', 'PATHEXT', 'OS', 'USERNAME', 'USERPROFILE'],
  ...['APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA', 'PROGRAMFILES', 'PROGRAMFILES(X86)', 'COMMONPROGRAMFILES'],
  ...['ALLUSERSPROFILE', 'HOMEDRIVE', 'HOMEPATH', 'NUMBER_OF_PROCESSORS'],
])

/** Beginnings of names of variables that children get. */
const PREFIXES = [
  // Locales, the loader, and what allocates memory.
  ...['LC_', 'LD_', 'DYLD_', 'MALLOC_', 'MIMALLOC_', 'TCMALLOC_', '__CF_', 'PROCESSOR_', 'XDG_'],
  // What runs children: libuv, and tsx for the sources.
  ...['UV_', 'TSX_', 'ESBUILD_'],
  // llama.cpp.
  ...['GGML', 'LLAMA', 'NODE_LLAMA_CPP', 'ALTIPLANO_LLAMA'],
  // Threads and linear algebra.
  ...['OMP_', 'GOMP_', 'KMP_', 'OPENBLAS_', 'BLIS_', 'MKL', 'TBB', 'VECLIB_', 'ACCELERATE_'],
  // NVIDIA's drivers and libraries, and what divides their cards among containers (MPS, HAMi, Run:ai).
  ...['CUDA', 'NVIDIA', 'CUBLAS', 'CUDNN', 'NCCL_', '__NV_', 'LIBCUDA_', 'RUNAI'],
  // AMD's.
  ...['HIP', 'ROC', 'HSA', 'AMD', 'GPU_', 'RADV_', 'TENSILE_'],
  // Intel's.
  ...['ZE', 'ONEAPI', 'SYCL', 'UR_', 'IGC_', 'DNNL_', 'OCL_', 'OPENCL_', 'INTEL_', 'ANV_'],
  // Vulkan's, and Mesa's.
  ...['VK_', '__VK_', 'VULKAN_', 'MESA', 'GALLIUM_', 'LIBGL_', 'EGL_', '__EGL_', '__GLX_', 'LP_'],
  // Apple's.
  ...['MTL_', 'METAL', 'OBJC_'],
]

/** Names that hold secrets: makers of GPUs have services, too, whose keys are called like the variables of their drivers. */
const SECRET = /TOKEN|KEY|SECRET|PASSW|PASSPHRASE|CREDENTIAL|COOKIE|AUTH/

/**
 * The part of the gateway's environment that a child gets. Native code reads foreign files there, and so the secrets of the gateway
 * (keys, tokens of hubs and collectors, whatever else a pod is given) stay out of its reach.
 */
export function childEnvironment(all: Environment): Record<string, string> {
  // node-llama-cpp 3.22.1 asks for the home folder when it is loaded, and a container's user may have none.
  const taken: Record<string, string> = { HOME: tmpdir() }
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined && isForChildren(name.toUpperCase())) taken[name] = value
  }
  return taken
}

function isForChildren(name: string): boolean {
  if (SECRET.test(name)) return false
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix))
}
