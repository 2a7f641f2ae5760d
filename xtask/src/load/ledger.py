"""Whether what a SQLite database of Headcount holds agrees with its journal.

Prints one JSON object: how much there is, and every fault that was found.
"""

import hashlib
import json
import sqlite3
import sys


def link(previous, row):
    """The link of an entry in the hash chain, from the description of the chain in headcount-store."""
    number, at, kind, actor, resource, version, paths, transaction, detail = row
    chain = hashlib.sha256()

    def field(value):
        data = value.encode() if isinstance(value, str) else value
        chain.update(len(data).to_bytes(8, "big"))
        chain.update(data)

    field(previous)
    field(number.to_bytes(8, "big", signed=True))
    field(at.to_bytes(8, "big", signed=True))
    field(kind)
    field(actor)
    if resource is None:
        field("none")
    else:
        field("some")
        for part in resource.split("/", 1):
            field(part)
    field(version.to_bytes(8, "big", signed=True))
    paths = json.loads(paths)
    field(len(paths).to_bytes(8, "big"))
    for path in paths:
        field(path)
    field(transaction)
    if detail is None:
        field("none")
    else:
        field("some")
        field(detail)
    return chain.digest()


def main():
    database = sqlite3.connect(sys.argv[1])
    database.execute("BEGIN")
    faults = []

    def ask(sql, *values):
        return database.execute(sql, values).fetchall()

    for (said,) in ask("PRAGMA integrity_check"):
        if said != "ok":
            faults.append("integrity_check: " + said)

    made, versions, members = set(), {}, {}
    entries = 0
    for (tenant,) in ask("SELECT tenant_id FROM tenants"):
        previous, expected = b"", 1
        rows = database.execute(
            "SELECT no, at, kind, actor, resource, version, paths, tx, detail, hash FROM journal "
            "WHERE tenant_id = ? ORDER BY no",
            (tenant,),
        )
        for *row, stored in rows:
            entries += 1
            if row[0] != expected:
                faults.append(f"the journal goes from {expected - 1} to {row[0]}")
            if link(previous, row) != stored:
                faults.append(f"entry {row[0]} of the journal breaks the chain")
            previous, expected = stored, row[0] + 1
            kind, resource, version = row[2], row[4], row[5]
            if resource is None:
                continue
            if kind == "create":
                if resource in made:
                    faults.append(f"{resource} was made twice")
                made.add(resource)
            versions[resource] = version
            if kind in ("member_added", "member_removed"):
                members[resource] = members.get(resource, 0) + (1 if kind == "member_added" else -1)

    resources = {}
    for name, resource, version, seq in ask(
        "SELECT n.name, r.id, r.version, r.seq FROM resources r JOIN names n ON n.number = r.type"
    ):
        resources[f"{name}/{resource}"] = (name, version, seq)
    for resource in sorted(resources.keys() - made):
        faults.append(f"{resource} is there and the journal does not know it")
    for resource in sorted(made - resources.keys()):
        faults.append(f"the journal knows {resource}, which is not there")
    for resource, (name, version, seq) in resources.items():
        if name == "User" and versions.get(resource) != version:
            faults.append(f"{resource} has version {version}, and {versions.get(resource)} in the journal")
        if name == "Group":
            ((rows,),) = ask("SELECT count(*) FROM memberships WHERE grp = ?", seq)
            if rows != members.get(resource, 0):
                faults.append(f"{resource} has {rows} members, and {members.get(resource, 0)} in the journal")

    counted = dict(ask("SELECT type, sum(n) FROM counts GROUP BY type"))
    for kind, rows in ask("SELECT type, count(*) FROM resources GROUP BY type"):
        if counted.get(kind, 0) != rows:
            faults.append(f"{rows} resources of type {kind} are there, and {counted.get(kind, 0)} are counted")
    ((bare,),) = ask(
        "SELECT count(*) FROM resources r JOIN names n ON n.number = r.type WHERE n.name = 'User' "
        "AND NOT EXISTS (SELECT 1 FROM vals v WHERE v.tenant_id = r.tenant_id AND v.resource = r.seq)"
    )
    if bare:
        faults.append(f"{bare} users are there without the values of their e-mail addresses")

    print(json.dumps({"resources": len(resources), "entries": entries, "faults": faults}))


main()
