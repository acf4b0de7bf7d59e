"""Which system calls a slot may make, which are refused, and which end its process; line by line.

Numbers are (x86_64, aarch64); -1 where a machine has no such call, because it came with a newer one instead. Whatever is
in none of these tables does not exist for a slot: ENOSYS, as from a kernel that is older than the call.
"""

from __future__ import annotations

Calls = dict[str, tuple[int, int]]

# What Python, numpy and torch use, and what a student's own few lines may: found by tracing the slots of all tasks
# and the tests. None of it changes a file, or reaches beyond the process itself: what takes the number of a process, a clock,
# flags or an address stands below, each with its own rule.
ALLOWED: Calls = {
    # looking at files
    "read": (0, 63),
    "pread64": (17, 67),
    "readv": (19, 65),
    "preadv": (295, 69),
    "close": (3, 57),
    "close_range": (436, 436),
    "stat": (4, -1),
    "fstat": (5, 80),
    "lstat": (6, -1),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "access": (21, -1),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, -1),
    "readlinkat": (267, 78),
    "getdents": (78, -1),
    "getdents64": (217, 61),
    "lseek": (8, 62),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "fchdir": (81, 50),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    # changing what is open: the pipe that is printed to
    "write": (1, 64),
    "pwrite64": (18, 68),
    "writev": (20, 66),
    "pwritev": (296, 70),
    "ftruncate": (77, 46),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "sync_file_range": (277, 84),
    "sendfile": (40, 71),  # shutil.copyfile
    "umask": (95, 166),
    # descriptors
    "dup": (32, 23),
    "dup2": (33, -1),
    "dup3": (292, 24),
    "pipe": (22, -1),
    "pipe2": (293, 59),
    "poll": (7, -1),
    "ppoll": (271, 73),
    "select": (23, -1),
    "pselect6": (270, 72),
    "epoll_create": (213, -1),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, -1),
    "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441),
    "eventfd": (284, -1),
    "eventfd2": (290, 19),
    "timerfd_create": (283, 85),
    "timerfd_settime": (286, 86),
    "timerfd_gettime": (287, 87),
    "signalfd": (282, -1),
    "signalfd4": (289, 74),
    # the slot's own socket
    "sendmsg": (46, 211),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "shutdown": (48, 210),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    # memory, within its limit
    "brk": (12, 214),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "msync": (26, 227),
    "mlock": (149, 228),  # within RLIMIT_MEMLOCK
    "munlock": (150, 229),
    "membarrier": (324, 283),
    "get_mempolicy": (239, 236),  # OpenMP looks for the nodes of the machine
    # this process and its threads
    "exit": (60, 93),
    "exit_group": (231, 94),
    "wait4": (61, 260),
    "waitid": (247, 95),
    "set_tid_address": (218, 96),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "futex": (202, 98),
    "futex_waitv": (449, 449),
    "futex_wake": (454, 454),
    "futex_wait": (455, 455),
    "futex_requeue": (456, 456),
    "arch_prctl": (158, -1),  # thread-local storage
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getpgrp": (111, -1),
    "sched_yield": (24, 124),
    "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126),
    "getcpu": (309, 168),
    "getrlimit": (97, 163),
    "setrlimit": (160, 164),  # only ever downwards
    "getrusage": (98, 165),
    "times": (100, 153),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    # who one is
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getresuid": (118, 148),
    "getresgid": (120, 150),
    "getgroups": (115, 158),
    "capget": (125, 90),
    # signals of one's own
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigpending": (127, 136),
    "rt_sigreturn": (15, 139),
    "rt_sigsuspend": (130, 133),
    "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "pause": (34, -1),
    "alarm": (37, -1),
    "getitimer": (36, 102),
    "setitimer": (38, 103),
    "timer_settime": (223, 110),
    "timer_gettime": (224, 108),
    "timer_getoverrun": (225, 109),
    "timer_delete": (226, 111),
    # time and chance
    "time": (201, -1),
    "gettimeofday": (96, 169),
    "nanosleep": (35, 101),
    "getrandom": (318, 278),
}

# Changes to files, where a task gives its slots folders to write.
FILE_CHANGES: Calls = {
    "creat": (85, -1),
    "truncate": (76, 45),
    "fallocate": (285, 47),
    "rename": (82, -1),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "mkdir": (83, -1),
    "mkdirat": (258, 34),
    "rmdir": (84, -1),
    "unlink": (87, -1),
    "unlinkat": (263, 35),
    "link": (86, -1),  # sem_open of libc makes its semaphores so
    "linkat": (265, 37),
    "symlink": (88, -1),
    "symlinkat": (266, 36),
    "mknod": (133, -1),  # named pipes; a device takes a right that no slot has
    "mknodat": (259, 33),
    "chmod": (90, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "utime": (132, -1),
    "utimes": (235, -1),
    "utimensat": (280, 88),
    "futimesat": (261, -1),
    "copy_file_range": (326, 285),
    # shutil.copy2 asks for them
    "getxattr": (191, 8),
    "lgetxattr": (192, 9),
    "fgetxattr": (193, 10),
    "listxattr": (194, 11),
    "llistxattr": (195, 12),
    "flistxattr": (196, 13),
}

# New processes, and what leads from one to the other, where a task gives its slots some.
PROCESSES: Calls = {
    "fork": (57, -1),
    "vfork": (58, -1),
    "execve": (59, 221),
    "setpgid": (109, 154),
    "getpgid": (121, 155),
    "getsid": (124, 156),
    "setsid": (112, 157),
    "pidfd_open": (434, 434),  # subprocess and asyncio wait on them
    "pidfd_send_signal": (424, 424),
    "tkill": (200, 130),
    "get_robust_list": (274, 100),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "sched_rr_get_interval": (148, 127),
}

# How a slot becomes nobody; when it is, there is nothing more to give up.
RIGHTS: Calls = {
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setgroups": (116, 159),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "capset": (126, 91),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
}

# Looked at more closely by the filter: by flags, by the request, by the number of a process. What lies in memory, as the flags
# of clone3 and openat2 do, a filter cannot look at: they are not there, and libc falls back to the older calls.
CLONE = (56, 220)
FCNTL = (72, 25)
IOCTL = (16, 29)
SOCKETPAIR = (53, 199)
OPEN, OPENAT = (2, -1), (257, 56)
SENDTO, GETSOCKOPT = (44, 206), (55, 209)
PRCTL, MADVISE = (157, 167), (28, 233)
# For the calling process alone: nothing but a number would keep a slot from the limits of another process of its user.
PRLIMIT, SCHED_SETAFFINITY, SETPRIORITY, GETPRIORITY = (302, 261), (203, 122), (141, 140), (140, 141)
OF_A_PROCESS = {
    "kill": (62, 129),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}
OF_A_CLOCK = {
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "timer_create": (222, 107),
}
# Locks on a file that others can open are seen by them, without a right to change it.
LOCKS = {"flock": (73, 32)}

# Nothing honest comes near these: whoever does is ended, and their verdict says why.
KILLED: Calls = {
    # looking into, or taking over, another process
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # another view of the file system, or of anything else
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "unshare": (272, 97),
    "setns": (308, 268),
    # large parts of the kernel in which processes without rights have found a way up before
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "modify_ldt": (154, -1),
    # the machine itself
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "reboot": (169, 142),
}

# What CUDA needs beside ioctl, in a slot that has a GPU: memory of its driver's (NVIDIA/OpenShell issue 1696). The limit that sees
# it is that of a control group. Sockets, and memory policies, stay refused: CUDA shares nothing with other processes here.
OF_A_CARD: Calls = {"memfd_create": (319, 279)}

# Honest libraries ask for these and go on without; EACCES says that it is a matter of rights.
REFUSED: Calls = {
    "socket": (41, 198),  # to find out whether there is a network
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "memfd_create": (319, 279),  # memory that the limits would not see
    "shmget": (29, 194),  # memory and messages that would outlive the slot
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "personality": (135, 92),  # to find out how addresses are laid out
    "set_mempolicy": (238, 237),  # to be nearer to memory
    "mbind": (237, 235),
}
