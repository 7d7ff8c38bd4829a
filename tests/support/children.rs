//! Whether a process ever started another: a witness that needs no permission to trace.

/// Tells whether this running process has a child, or ever had one that ended.
///
/// `/proc` names the parent of every process, zombies included, and counts for each process the page faults of the
/// children it has waited for: no program starts without one. What it cannot see is a program that did not start.
pub fn ever_had_one(pid: u32) -> bool {
    let ours = stat(&pid.to_string()).unwrap_or_else(|| panic!("process {pid} has ended"));
    // proc_pid_stat(5): state is the third field, the children's minor and major faults are 11 and 13.
    let faults = |field: usize| ours[field - 3].parse::<u64>().expect("a number");
    let all = std::fs::read_dir("/proc").expect("/proc").flatten();
    let mut parents = all.filter_map(|entry| stat(entry.file_name().to_str()?)?.get(1)?.parse().ok());
    faults(11) + faults(13) > 0 || parents.any(|parent: u32| parent == pid)
}

/// Returns the fields of `stat` from the third on; the second may hold blanks.
fn stat(pid: &str) -> Option<Vec<String>> {
    pid.parse::<u32>().ok()?;
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(") ")?.1.split_whitespace().map(str::to_owned).collect())
}
