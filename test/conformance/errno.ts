/** Errors of socket calls by their numbers (errno(3), Linux). */

export const errno = {
  EBADF: 9,
  EAGAIN: 11,
  EINVAL: 22,
  EPIPE: 32,
  ECONNRESET: 104,
  ENOTCONN: 107,
} as const;
