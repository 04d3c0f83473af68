"""What type checkers must object to, a line each: face_test counts them."""

import weft


def mistakes(node: weft.Node) -> None:
    node.put(5, b"1")  # a name is text
    node.put("w", object())  # no array
    node.get("t", "w", lane="pigeon")
    node.get("t", "w", slise=1)
    node.get("t", "w").result().shape.append(1)
    node.push("t", "w", [1, 2])
    weft.Node(idle="5")
    weft.nothing
    node.get("t", "w").result().generation = 5
