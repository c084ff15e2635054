/** An instruction of classic BPF, as struct sock_filter of linux/filter.h. */
export interface Instruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly operand: number;
}

/** What a filter is asked about, as struct seccomp_data of linux/seccomp.h. */
export interface SystemCallData {
  readonly number: number;
  /** AUDIT_ARCH_… */
  readonly architecture: number;
  /** Up to six, 64 bits each. */
  readonly args: readonly bigint[];
}

/**
 * Runs a filter as the kernel does, and gives its answer: SECCOMP_RET_…, an errno in the low bits. Throws for whatever
 * the kernel would refuse to load: another instruction than these, a jump out of the program, a load off the data.
 */
export function runFilter(program: readonly Instruction[], data: SystemCallData): number {
  const memory = toMemory(data);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const instruction = program[at];
    if (!instruction) throw new RangeError(`a jump out of the program, to ${at} of ${program.length}`);
    const { code, jumpTrue, jumpFalse, operand } = instruction;
    const branch = (taken: boolean) => {
      at += taken ? jumpTrue : jumpFalse;
    };
    switch (code) {
      case 0x20: // BPF_LD | BPF_W | BPF_ABS
        if (operand % 4 !== 0 || operand + 4 > memory.byteLength)
          throw new RangeError(`a load at ${operand}`);
        accumulator = memory.getUint32(operand, true);
        break;
      case 0x54: // BPF_ALU | BPF_AND | BPF_K
        accumulator = (accumulator & operand) >>> 0;
        break;
      case 0x05: // BPF_JMP | BPF_JA
        at += operand;
        break;
      case 0x15: // BPF_JMP | BPF_JEQ | BPF_K
        branch(accumulator === operand);
        break;
      case 0x35: // BPF_JMP | BPF_JGE | BPF_K
        branch(accumulator >= operand);
        break;
      case 0x45: // BPF_JMP | BPF_JSET | BPF_K
        branch((accumulator & operand) !== 0);
        break;
      case 0x06: // BPF_RET | BPF_K
        return operand;
      default:
        throw new RangeError(`instruction 0x${code.toString(16)} at ${at}`);
    }
  }
}

/** In little-endian order, which all the machines in question have. */
function toMemory({ number, architecture, args }: SystemCallData): DataView {
  const memory = new DataView(new ArrayBuffer(64));
  memory.setUint32(0, number, true);
  memory.setUint32(4, architecture, true);
  for (const [i, arg] of args.entries()) memory.setBigUint64(16 + 8 * i, BigInt.asUintN(64, arg), true);
  return memory;
}
