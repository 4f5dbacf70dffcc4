"""Makes a question and its data smaller while the two servers still differ."""
from compare import judge
from expressions import Node, Unfit
from samples import Series
from servers import Asker, Pair

DATA_ATTEMPTS = 60  # pairs of servers that are started, at most


def smaller_params(node):
    """Parameters of the node with one thing less."""
    simplest = {"matchers": (), "by_regex": False, "offset": None, "at": None, "how": None, "on": None,
                "ignoring": None, "group": None, "clause_last": False, "is_bool": False}
    for name, value in node.params.items():
        if name in simplest and value != simplest[name]:
            yield {**node.params, name: simplest[name]}
        if name == "names" and len(value) > 1:
            for one in value:
                yield {**node.params, name: (one,), "by_regex": False}
        if name == "matchers" and len(value) > 1:
            for one in value:
                yield {**node.params, name: (one,)}


def smaller_trees(node):
    """Trees with one thing less, the smallest first."""
    below = list(node.all())[1:]
    for one in sorted(below, key=lambda kid: len(kid.text)):
        if one.kind in "vshm":
            yield one
    for params in smaller_params(node):
        try:
            yield Node(node.rule, node.kids, params)
        except (Unfit, TypeError):
            pass
    for index, kid in enumerate(node.kids):
        for other in smaller_trees(kid):
            try:
                yield node.with_kids([*node.kids[:index], other, *node.kids[index + 1:]])
            except (Unfit, TypeError, KeyError):
                pass


def smaller_times(question):
    """At one time, or at fewer."""
    if question.step is None:
        return
    count = int((question.end - question.start) // question.step) + 1
    if question.node.kind != "s":
        for at in range(count):
            yield question.but(start=question.start + at * question.step, end=None, step=None)
    for first, last in ((0, count // 2), (count // 2, count - 1), (0, count - 2), (1, count - 1)):
        if 0 <= last - first < count - 1:
            yield question.but(start=question.start + first * question.step, end=question.start + last * question.step)


def smaller_questions(question):
    yield from smaller_times(question)
    for node in smaller_trees(question.node):
        if question.step is None or node.kind in "vsh":
            yield question.but(node=node)


def minimise_question(asker, question):
    found = True
    while found:
        found = False
        for smaller in smaller_questions(question):
            if judge(asker, smaller).found:
                question, found = smaller, True
                break
    return question


def differs(prometheus, data, question):
    with Pair(prometheus, data) as pair:
        asker = Asker(pair)
        try:
            return bool(judge(asker, question).found)
        finally:
            asker.close()


def without_runs(items):
    """The list without a half, a quarter and so on of it."""
    size = (len(items) + 1) // 2
    while size:
        for at in range(0, len(items), size):
            if size < len(items):
                yield items[:at] + items[at + size:]
        size //= 2


def minimise_list(items, still_differs, attempts):
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for fewer in without_runs(items):
            if attempts[0] <= 0:
                return items
            attempts[0] -= 1
            if still_differs(fewer):
                items, is_smaller = fewer, True
                break
    return items


def minimise_data(prometheus, data, question):
    """First the series that matter, then their samples."""
    names = {name for node in question.node.all() for name in node.params.get("names", ())}
    attempts = [DATA_ATTEMPTS]

    chosen = [one for one in data.series if one.labels["__name__"] in names]
    if not differs(prometheus, data.with_series(chosen), question):
        return data
    chosen = minimise_list(chosen, lambda fewer: differs(prometheus, data.with_series(fewer), question), attempts)
    for index, one in enumerate(chosen):
        def with_points(points, index=index, one=one):
            return [*chosen[:index], Series(one.labels, points), *chosen[index + 1:]]
        points = minimise_list(
            one.points, lambda fewer: differs(prometheus, data.with_series(with_points(fewer)), question), attempts)
        chosen[index] = Series(one.labels, points)
    return data.with_series(chosen)
