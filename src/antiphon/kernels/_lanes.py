"""Eight numbers at a time, for the few loops where that decides the speed.

The compiler vectorises a sum only where it may reorder it, which the house forbids. These operations say the order
themselves: lane by lane, and ``total`` always in the same tree. Processors with narrower vectors do the same sums in
several steps. In plain Python (`NUMBA_DISABLE_JIT=1`) the operations work on arrays of eight numbers.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import lower_builtin, models, register_model, type_callable

LANES = 8


def load(array, place):
    """Eight numbers of ``array`` from ``place`` on."""
    return array[place : place + LANES].copy()


def store(array, place, lanes):
    """Put eight numbers into ``array`` from ``place`` on."""
    array[place : place + LANES] = lanes


def spread(number):
    """Eight times the same number."""
    return np.full(LANES, number)


def multiply_add(left, right, addend):
    """``left * right + addend``, rounded once where the processor can."""
    return left * right + addend


def total(lanes):
    """Sum of the eight."""
    while lanes.size > 1:
        half = lanes.size // 2
        lanes = lanes[:half] + lanes[half:]
    return lanes[0]


class _LanesType(types.Type):
    def __init__(self):
        super().__init__(name="Lanes")


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, _VECTOR)


_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_lanes = _LanesType()
_number = types.float64


@type_callable(load)
def _type_load(_context):
    return lambda array, _place: _lanes(array, types.intp)


@type_callable(store)
def _type_store(_context):
    return lambda array, _place, _value: types.none(array, types.intp, _lanes)


@type_callable(spread)
def _type_spread(_context):
    return lambda _one: _lanes(_number)


@type_callable(multiply_add)
def _type_multiply_add(_context):
    return lambda _left, _right, _addend: _lanes(_lanes, _lanes, _lanes)


@type_callable(total)
def _type_total(_context):
    return lambda _value: _number(_lanes)


def _pointer(context, builder, array_type, array, place):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), _VECTOR.as_pointer())


def _indices(numbers):
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)


@lower_builtin(load, types.Array, types.intp)
def _lower_load(context, builder, signature, arguments):
    loaded = builder.load(_pointer(context, builder, signature.args[0], *arguments))
    loaded.align = LANES
    return loaded


@lower_builtin(store, types.Array, types.intp, _LanesType)
def _lower_store(context, builder, signature, arguments):
    stored = builder.store(arguments[2], _pointer(context, builder, signature.args[0], *arguments[:2]))
    stored.align = LANES
    return context.get_dummy_value()


@lower_builtin(spread, types.Float)
def _lower_spread(_context, builder, _signature, arguments):
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(nothing, arguments[0], ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, _indices([0] * LANES))


@lower_builtin(multiply_add, _LanesType, _LanesType, _LanesType)
def _lower_multiply_add(_context, builder, _signature, arguments):
    signature = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    function = cgutils.get_or_insert_function(builder.module, signature, f"llvm.fmuladd.v{LANES}f64")
    return builder.call(function, arguments)


@lower_builtin(total, _LanesType)
def _lower_total(_context, builder, _signature, arguments):
    (lanes,), size = arguments, LANES
    while size > 1:
        half, nothing = size // 2, ir.Constant(lanes.type, ir.Undefined)
        lower = builder.shuffle_vector(lanes, nothing, _indices(list(range(half))))
        upper = builder.shuffle_vector(lanes, nothing, _indices(list(range(half, size))))
        lanes, size = builder.fadd(lower, upper), half
    return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))
