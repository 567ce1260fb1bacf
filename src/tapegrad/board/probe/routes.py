"""Requests that look into a run's network, which a worker process answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..answers import answer, checkpoint_of, choice, read_object, whole
from ..runs import entry_of
from ..web import Request, Response, Route, run_in_threadpool

if TYPE_CHECKING:
    from ..app import Board

__all__ = ["routes"]

_MOST_SAMPLES = 64


def routes(board: Board) -> list[Route]:
    """Return the routes of this file."""

    def look(request: Request, method: str, **arguments: Any) -> Response:
        entry = entry_of(board, request)
        number, path = entry.checkpoints.path(checkpoint_of(request))
        run = {"folder": str(entry.folder), "checkpoint": str(path), "trusted": board.trusts}
        response = answer(board.probe.ask(method, run=run, **arguments))
        response.headers["x-checkpoint"] = str(number)
        return response

    def graph(request: Request) -> Response:
        return look(request, "graph")

    def node(request: Request) -> Response:
        part = choice(request.query_params.get("part"), "part", ("value", "gradient"))
        return look(request, "node", node=whole(request.path_params["node"], "node", 0, 10**9), part=part)

    def steps(request: Request) -> Response:
        samples = whole(request.query_params.get("samples"), "samples", 1, _MOST_SAMPLES, 8)
        return look(request, "steps", samples=samples)

    def samples(request: Request) -> Response:
        query = request.query_params
        return look(
            request,
            "samples",
            part=choice(query.get("part"), "part", ("train", "valid", "test")),
            which=choice(query.get("which"), "which", ("all", "mistakes", "suspects")),
            offset=whole(query.get("offset"), "offset", 0, 10**9, 0),
            limit=whole(query.get("limit"), "limit", 1, 200, 50),
        )

    def boundary(request: Request) -> Response:
        return look(request, "boundary")

    def weights(request: Request) -> Response:
        return look(request, "weights", parameter=request.query_params.get("parameter"))

    async def predict(request: Request) -> Response:
        inputs = (await read_object(request)).get("inputs")
        return await run_in_threadpool(look, request, "predict", inputs=inputs)

    return [
        Route("/api/runs/{id}/graph", graph),
        Route("/api/runs/{id}/nodes/{node}", node),
        Route("/api/runs/{id}/steps", steps),
        Route("/api/runs/{id}/samples", samples),
        Route("/api/runs/{id}/boundary", boundary),
        Route("/api/runs/{id}/weights", weights),
        Route("/api/runs/{id}/predict", predict, methods=["POST"]),
    ]
