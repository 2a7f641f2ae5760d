"""Runs one conformance tool against a SCIM server and prints its results as lines of JSON.

Called by `cargo xtask conformance` as `python probe.py TOOL BASE_URL`, with the bearer token in
HEADCOUNT_CONFORMANCE_TOKEN, so that the secret is in no argument list.
Each line is an object with `outcome` (passed, failed, skipped), `name`, `subject` (a resource type
or a phase, may be empty) and `detail`.
"""

import json
import os
import sys
import urllib.parse


def emit(outcome, name, subject, detail):
    line = {"outcome": outcome, "name": name, "subject": subject or "", "detail": detail or ""}
    print(json.dumps(line), flush=True)


def payload_text(data):
    """What the tool kept of an exchange, short enough to read in a log."""
    return "" if data is None else repr(data)[:2000]


def run_scim2_tester(base_url, token):
    from httpx2 import Client
    from scim2_client.engines.httpx2 import SyncSCIMClient
    from scim2_tester import Status, check_server

    # DEVIATION stands for a recommendation (SHOULD) that is not followed: it needs a reason in the
    # list of expected deviations just as a violation does.
    outcomes = {
        Status.SUCCESS: "passed",
        Status.COMPLIANT: "passed",
        Status.ACCEPTABLE: "passed",
        Status.SKIPPED: "skipped",
        Status.DEVIATION: "failed",
        Status.ERROR: "failed",
        Status.CRITICAL: "failed",
    }
    headers = {"Authorization": f"Bearer {token}"}
    with Client(base_url=base_url, headers=headers, timeout=30) as http:
        for result in check_server(SyncSCIMClient(http)):
            outcome = outcomes[result.status]
            detail = result.reason or ""
            if outcome == "failed":
                detail = f"{detail} {payload_text(result.data)}".strip()
            emit(outcome, result.title or "check", result.resource_type, detail)


def run_scim_sanity(base_url, token):
    from scim_sanity.probe.runner import run_probe_api

    # A warning of this tool is a remark about a choice that the RFCs leave open.
    outcomes = {"pass": "passed", "warn": "passed", "skip": "skipped", "fail": "failed", "error": "failed"}
    report = run_probe_api(base_url, token=token, strict=True, timeout=30)
    for result in report["results"]:
        # Clean-up lines name random ids; the name has to be the same in every run.
        name = result["name"]
        if result.get("phase") == "Cleanup":
            name = name.rsplit("/", 1)[0]
        detail = f"{result.get('message', '')} {result.get('details', '')}".strip()
        emit(outcomes[result["status"]], name, result.get("phase"), detail)


def main():
    tool, base_url = sys.argv[1], sys.argv[2]
    host = urllib.parse.urlsplit(base_url).hostname
    if host not in ("127.0.0.1", "::1", "localhost"):
        sys.exit(f"refusing to probe {host}: the tools create and delete resources, so only a loopback server is probed")
    token = os.environ["HEADCOUNT_CONFORMANCE_TOKEN"]
    tools = {"scim2-tester": run_scim2_tester, "scim-sanity": run_scim_sanity}
    tools[tool](base_url, token)


main()
