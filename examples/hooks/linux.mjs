#!/usr/bin/env node
// A pre-build hook for Linux, in the JSON dialect: builds that require the system feature `cuda` see the NVIDIA
// devices and the driver's libraries of this machine. Nobody else does. To use it:
//
//     pre-build-hook = /path/to/linux.mjs
//     extra-system-features = cuda
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const request = JSON.parse(readFileSync(0, 'utf8'));
const reply = {};

// Outside the sandbox a builder sees them anyway, and to ask for paths is an error.
if (request.sealed && request.features.includes('cuda')) {
  const devices = readdirSync('/dev').filter((name) => /^nvidia(\d+|ctl|-uvm)$/.test(name));
  if (devices.length === 0) {
    reply.refuse = 'this machine has no NVIDIA device';
  } else {
    const libraries = '/run/opengl-driver';
    reply.paths = [
      // More can be done with a device than reading it, so it must be declared writable.
      ...devices.map((name) => ({ source: `/dev/${name}`, readOnly: false })),
      ...(existsSync(libraries) ? [{ source: libraries }] : []),
    ];
    reply.environment = { CUDA_VISIBLE_DEVICES: '0' };
  }
}

console.log('airplant-hook 1');
console.log(JSON.stringify(reply));
