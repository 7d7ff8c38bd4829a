//! A machine without IPv6 (F7): a network namespace of its own, with 127.0.0.1 alone.

use crate::support::{Browser, Home};

#[test]
#[ignore = "needs root, to make a network namespace"]
fn f7_a_login_comes_back_where_ipv6_is_off() {
    let there = Home::new();
    let browser = Browser::approving(&there, "work@company.com");
    let script = "ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6 \
                  && ! ip -6 address show dev lo | grep -q ::1 && exec \"$@\"";
    let home = Home::of("unshare").env("BROWSER", browser.command());
    let program = env!("CARGO_BIN_EXE_llxprt");
    let done = home.run(&["--net", "sh", "-c", script, "sh", program, "--sandbox", "auth", "anthropic", "login"]).ok();
    assert!(done.stderr.contains("Signed in to anthropic as work@company.com"), "{done}");
    assert!(browser.opened()[0].contains("redirect_uri=http%3A%2F%2Flocalhost%3A"), "{:?}", browser.opened());
    assert!(browser.page().contains("<h1>Signed in</h1>"));
}
