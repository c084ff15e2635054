/** Processes and threads there may be: PID_MAX_LIMIT (include/linux/threads.h). A limit above it is refused. */
export const mostPids: number = 4_194_304;

/** What a control group may have of the CPU time, in per cent of one processor: what 10,000 of them have. */
export const mostCpuPercent: number = 1_000_000;
