"""A peer without a TCP: puts on a device the segments that it is told, and tells those that come.

A line of JSON each way. In, on stdin: {"segments": [{ether, ip, tcp, options, data} ...]}, where ether, ip and tcp are
fields of scapy's layers (a checksum or a length that is not named is made right). Out, on stdout: the same shape, for
every IPv4 frame that comes and is not for the kernel; `sound` says whether scapy counts the same checksums.

Usage: scapy_peer.py DEVICE KERNEL_ADDRESS
"""

import json
import logging
import sys
import threading

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.config import conf  # noqa: E402

conf.ipv6_enabled = False

import scapy.arch.linux  # noqa: E402,F401
from scapy.arch import get_if_hwaddr  # noqa: E402
from scapy.layers.inet import ICMP, IP, TCP  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

device, kernel_address = sys.argv[1:3]
kernel = bytes(map(int, kernel_address.split(".")))
wire = conf.L2socket(iface=device)
own = bytes.fromhex(get_if_hwaddr(device).replace(":", ""))


def from_hex(fields):
    """Values of options are numbers, or bytes as {"hex": text}."""
    return [
        (name, bytes.fromhex(value["hex"]) if isinstance(value, dict) else tuple(value) if isinstance(value, list) else value)
        for name, value in fields
    ]


def frame(segment):
    layers = Ether(**segment.get("ether", {})) / IP(**segment["ip"])
    if "tcp" in segment:
        tcp = dict(segment["tcp"])
        if "options" in tcp:
            tcp["options"] = from_hex(tcp["options"])
        layers = layers / TCP(**tcp)
    data = bytes.fromhex(segment.get("data", ""))
    return bytes(layers / Raw(data) if data else layers)


def is_sound(packet):
    counted = packet[IP].copy()
    del counted[IP].chksum
    del counted[TCP].chksum
    counted = IP(bytes(counted))
    return counted[IP].chksum == packet[IP].chksum and counted[TCP].chksum == packet[TCP].chksum


def described(packet):
    ip = packet[IP]
    told = {"ip": {"src": ip.src, "dst": ip.dst, "ttl": ip.ttl, "len": ip.len}}
    if TCP not in packet:
        return told | {"kind": "icmp" if ICMP in packet else "other"}
    tcp = packet[TCP]
    payload = bytes(tcp.payload)[: ip.len - ip.ihl * 4 - tcp.dataofs * 4]
    return told | {
        "kind": "tcp",
        "tcp": {
            "sport": tcp.sport,
            "dport": tcp.dport,
            "seq": tcp.seq,
            "ack": tcp.ack,
            "flags": str(tcp.flags),
            "window": tcp.window,
            "urgptr": tcp.urgptr,
            "options": [
                [name, value.hex() if isinstance(value, bytes) else value] for name, value in tcp.options
            ],
        },
        "data": payload.hex(),
        "sound": is_sound(packet),
    }


def listen():
    while True:
        _, raw, came = wire.recv_raw()
        # The socket also shows what it sent itself.
        if raw is None or raw[12:14] != b"\x08\x00" or raw[6:12] == own or raw[30:34] == kernel:
            continue
        print(json.dumps(described(Ether(raw)) | {"atMs": came * 1000}), flush=True)


threading.Thread(target=listen, daemon=True).start()
print(json.dumps({"kind": "ready"}), flush=True)
for line in sys.stdin:
    for each in json.loads(line)["segments"]:
        wire.send(frame(each))
