"""Drives a NETCONF server with ncclient and prints one JSON object of what it saw.

Arguments: port, username. The password comes on standard input, the configuration edit after it.
"""
import json
import sys

from ncclient import manager
from ncclient.operations import RPCError

NS = {"oc": "http://openconfig.net/yang/routing-policy", "bgp": "http://openconfig.net/yang/bgp-policy"}
FILTER = (
    '<routing-policy xmlns="http://openconfig.net/yang/routing-policy"><policy-definitions><policy-definition>'
    "<name>TRANSIT-OUT</name><statements><statement><name>net-11</name></statement></statements>"
    "</policy-definition></policy-definitions></routing-policy>"
)


def connect(port, username, password):
    return manager.connect(
        host="127.0.0.1", port=port, username=username, password=password,
        hostkey_verify=False, look_for_keys=False, allow_agent=False, timeout=30,
    )


def prepends(session, datastore):
    reply = session.get_config(datastore, filter=("subtree", FILTER))
    return [int(found.text) for found in reply.data_ele.iterfind(".//bgp:repeat-n", NS)]


def refusal(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except RPCError as error:
        return error.tag
    return None


def put_on_trial(session, edit, token):
    with session.locked("candidate"):
        session.edit_config(target="candidate", config=edit, error_option="rollback-on-error")
        session.validate("candidate")
        session.commit(confirmed=True, timeout="60", persist=token)


def main():
    port, username = int(sys.argv[1]), sys.argv[2]
    password, edit = sys.stdin.read().split("\n", 1)
    seen = {}
    first = connect(port, username, password)
    second = connect(port, username, password)
    seen["capabilities"] = list(first.server_capabilities)
    seen["before"] = prepends(first, "running")
    reply = first.get(filter=("subtree", FILTER))
    seen["statements"] = [name.text for name in reply.data_ele.iterfind(".//oc:statement/oc:name", NS)]

    with first.locked("running"):
        seen["lock"] = refusal(second.lock, "running")
        seen["edit_while_locked"] = refusal(second.commit)
    seen["bad_edit"] = refusal(first.edit_config, target="candidate", config=edit.replace(">3<", ">33<"))

    put_on_trial(first, edit, "one")
    seen["on_trial"] = prepends(first, "running")
    first.close_session()
    seen["wrong_token"] = refusal(second.cancel_commit, persist_id="two")
    second.cancel_commit(persist_id="one")
    seen["cancelled"] = prepends(second, "running")

    third = connect(port, username, password)
    put_on_trial(third, edit, "three")
    third.close_session()
    second.commit(persist_id="three")
    seen["confirmed"] = prepends(second, "running")
    seen["nothing_pending"] = refusal(second.cancel_commit)
    second.close_session()
    json.dump(seen, sys.stdout)


main()
