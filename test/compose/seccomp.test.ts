import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';

/** A profile as Docker reads it (not as the kernel does): the engine works out which rules hold for a container. */
const profileSchema = z.strictObject({
  defaultAction: z.literal('SCMP_ACT_ERRNO'),
  defaultErrnoRet: z.literal(1),
  archMap: z.array(z.strictObject({ architecture: z.string(), subArchitectures: z.array(z.string()) })),
  syscalls: z.array(
    z.strictObject({
      comment: z.string().optional(),
      names: z.array(z.string()).min(1),
      action: z.enum(['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO']),
      errnoRet: z.int().optional(),
      args: z
        .array(
          z.strictObject({
            index: z.int(),
            value: z.int(),
            valueTwo: z.int(),
            op: z.enum(['SCMP_CMP_EQ', 'SCMP_CMP_NE', 'SCMP_CMP_MASKED_EQ']),
          }),
        )
        .optional(),
      includes: z
        .strictObject({ caps: z.array(z.string()).optional(), arches: z.array(z.string()).optional() })
        .optional(),
    }),
  ),
});
const { syscalls, archMap } = profileSchema.parse(
  JSON.parse(readFileSync('docker/seccomp.json', 'utf8')) as unknown,
);

/** Names that some rule allows to whoever has these rights, whatever the arguments. */
function allowed(rights: readonly string[]): Set<string> {
  return new Set(
    syscalls
      .filter(({ action, args }) => action === 'SCMP_ACT_ALLOW' && args === undefined)
      .filter(({ includes }) => (includes?.caps ?? []).every((right) => rights.includes(right)))
      .flatMap(({ names }) => names),
  );
}

test('the profile knows the two machines that Stampede runs on', () => {
  assert.deepEqual(
    archMap.map(({ architecture }) => architecture),
    ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'],
  );
});

test('the profile allows io_uring to everybody who has it, and bpf to those with the right alone', () => {
  const plain = allowed([]);
  for (const call of ['io_uring_setup', 'io_uring_enter', 'io_uring_register', 'sched_setaffinity', 'mlock'])
    assert.ok(plain.has(call), call);
  assert.ok(!plain.has('bpf') && !plain.has('perf_event_open'));
  assert.ok(allowed(['CAP_BPF']).has('bpf'));
  assert.ok(allowed(['CAP_PERFMON']).has('perf_event_open'));
  // Engines that know no CAP_BPF give CAP_SYS_ADMIN in its place.
  assert.ok(allowed(['CAP_SYS_ADMIN']).has('bpf'));
});

test('the profile forbids what no role needs, whatever rights a container was given', () => {
  const most = allowed(['CAP_BPF', 'CAP_PERFMON', 'CAP_SYS_ADMIN', 'CAP_NET_ADMIN', 'CAP_NET_RAW']);
  const never = `mount umount2 pivot_root move_mount open_tree fsopen unshare setns chroot ptrace process_vm_readv
    process_vm_writev kexec_load kexec_file_load init_module finit_module delete_module keyctl add_key request_key reboot
    swapon swapoff acct settimeofday stime clock_settime sethostname setdomainname userfaultfd iopl ioperm syslog
    open_by_handle_at lookup_dcookie quotactl vhangup kcmp mbind migrate_pages move_pages set_mempolicy`;
  assert.deepEqual(
    never.split(/\s+/).filter((call) => most.has(call)),
    [],
  );
});

test('the profile lets nobody make a namespace: clone without those bits, no clone3', () => {
  const [clone] = syscalls.filter(({ names }) => names.includes('clone'));
  const newNamespaces =
    0x0002_0000 + 0x0200_0000 + 0x0400_0000 + 0x0800_0000 + 0x1000_0000 + 0x2000_0000 + 0x4000_0000;
  assert.deepEqual(clone?.args, [{ index: 0, value: newNamespaces, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }]);
  const [clone3] = syscalls.filter(({ names }) => names.includes('clone3'));
  assert.deepEqual([clone3?.action, clone3?.errnoRet], ['SCMP_ACT_ERRNO', 38]);
});
