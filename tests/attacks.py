"""The attacks of the corpus, and those of them that stand for a mechanism."""

from __future__ import annotations

from pathlib import Path

HOSTILE = Path(__file__).parent / "hostile"
ATTACKS = sorted(HOSTILE.glob("*.py"))
# One for each mechanism, which each run faces wherever graders run; at night it faces all.
MECHANISMS = [
    "flooding_descriptors",
    "flooding_forks",
    "flooding_memory",
    "flooding_output_of_bytes",
    "flooding_threads",
    "forging_fork",
    "forging_kernel_messages",
    "forging_metric",
    "forging_result_files",
    "forging_wire_module",
    "network_call_numbers",
    "network_families",
    "network_own_socket",
    "notebook_protected_changed",
    "notebook_zip_bomb",
    "privilege_devices",
    "privilege_identities",
    "privilege_kernel_parts",
    "privilege_namespaces",
    "privilege_other_memory",
    "privilege_other_processes",
    "privilege_own_filter",
    "privilege_priorities",
    "program_writes_into_mounts",
    "reading_descriptors",
    "reading_environment",
    "reading_frames",
    "reading_other_processes",
    "reading_page_cache",
    "reading_proc_self",
    "reading_target_files",
    "reading_watching_others",
    "smuggling_state_in_files",
    "stopping_each_signal",
    "stopping_main_thread_ends",
    "wire_claims_scored",
    "wire_descriptors",
    "wire_truncated",
]
