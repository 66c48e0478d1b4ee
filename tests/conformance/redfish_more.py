"""What sushy-tools' emulator lacks: accounts whose passwords count, and a manager with a network (DSP2046).

Imported into the emulator's process before it begins to serve.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import bcrypt
import flask
from sushy_tools.emulator.main import app

ROOT = "/redfish/v1"
INTERFACES = f"{ROOT}/Managers/<manager>/EthernetInterfaces"
RESTART_SECONDS = 0.3  # the answer goes out before


def config(name: str) -> Any:
    return app.config[f"SUSHY_EMULATOR_{name}"]


def network() -> dict[str, Any]:
    """The interface as it was last set, or as the factory has it: its address by DHCP."""
    file = Path(config("STATE_DIR")) / "network.json"
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text())
        return found
    address = {"Address": config("LISTEN_IP"), "SubnetMask": "255.0.0.0", "Gateway": "127.0.0.1"}
    return {
        "DHCPv4": {"DHCPEnabled": True},
        "IPv4Addresses": [address | {"AddressOrigin": "DHCP"}],
        "IPv4StaticAddresses": [],
        "VLAN": {"VLANEnable": False, "VLANId": 0},
    }


def collection(*members: str) -> dict[str, Any]:
    return {"@odata.id": flask.request.path, "Members": [{"@odata.id": member} for member in members]}


@app.route(f"{ROOT}/AccountService")
def account_service() -> Any:
    return {"@odata.id": flask.request.path, "Accounts": {"@odata.id": f"{ROOT}/AccountService/Accounts"}}


@app.route(f"{ROOT}/AccountService/Accounts")
def accounts() -> Any:
    return collection(f"{ROOT}/AccountService/Accounts/1", f"{ROOT}/AccountService/Accounts/2")


@app.route(f"{ROOT}/AccountService/Accounts/<int:number>", methods=["GET", "PATCH"])
def account(number: int) -> Any:
    file = Path(config("AUTH_FILE"))
    user = file.read_text().partition(":")[0] if number == 2 else "root"
    if flask.request.method == "GET":
        return {"@odata.id": flask.request.path, "UserName": user, "Password": None, "RoleId": "Administrator"}
    if number != 2 or flask.request.headers.get("If-Match") != etag():
        return {"error": {"code": "Base.1.0.PreconditionFailed", "message": "If-Match is not its ETag"}}, 412
    password = flask.request.json["Password"].encode()
    file.write_text(f"{user}:{bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()}\n")
    return "", 204


@app.route(INTERFACES)
def interfaces(manager: str) -> Any:
    return collection(f"{flask.request.path}/1")


@app.route(f"{INTERFACES}/1", methods=["GET", "PATCH"])
def interface(manager: str) -> Any:
    known = network()
    if flask.request.method == "GET":
        return {"@odata.id": flask.request.path, "Id": "1", **known}
    told = flask.request.json
    if told.keys() - known.keys() or "IPv4Addresses" in told:
        return {"error": {"code": "Base.1.0.PropertyNotWritable", "message": f"not writable: {sorted(told)}"}}, 400
    known |= told
    if static := told.get("IPv4StaticAddresses"):
        known["IPv4Addresses"] = [{**static[0], "AddressOrigin": "Static"}]
    (Path(config("STATE_DIR")) / "network.json").write_text(json.dumps(known))
    if known["IPv4Addresses"][0]["Address"] != config("LISTEN_IP"):
        threading.Timer(RESTART_SECONDS, start_again).start()
    return "", 204


def start_again() -> None:
    """At its new address, with all that it knew."""
    os.closerange(3, 1024)  # werkzeug lets its children have the socket that it listens on
    os.execv(sys.executable, sys.orig_argv)


def etag() -> str:
    return f'"{Path(config("AUTH_FILE")).stat().st_mtime_ns}"'


@app.after_request
def with_links(response: flask.Response) -> flask.Response:
    """The links to all that, and an ETag as vendors' accounts have."""
    path = flask.request.path.rstrip("/")
    if path == ROOT:
        add(response, AccountService={"@odata.id": f"{ROOT}/AccountService"})
    elif path.startswith(f"{ROOT}/Managers/") and path.count("/") == 4:
        add(response, EthernetInterfaces={"@odata.id": f"{path}/EthernetInterfaces"})
    elif path.startswith(f"{ROOT}/AccountService/Accounts/"):
        response.headers["ETag"] = etag()
    return response


def add(response: flask.Response, **links: Any) -> None:
    response.set_data(json.dumps({**json.loads(response.get_data()), **links}))


def listen_where_it_was_told() -> None:
    file = Path(sys.argv[sys.argv.index("--config") + 1])
    app.configure(config_file=file)
    if (address := network()["IPv4Addresses"][0]["Address"]) != config("LISTEN_IP"):
        file.write_text(f"{file.read_text()}SUSHY_EMULATOR_LISTEN_IP = {address!r}\n")


listen_where_it_was_told()
