#pragma once

#include <weft/nodes/tensor.hpp>
#include <weft/python/python.hpp>

namespace weft::python {

/// How many forks lie between the process that began and this one. What was made before the last one belongs to the
/// parent: its threads are not here and its locks may be held, so here it may only be left alone.
unsigned fork_count() noexcept;
void note_fork() noexcept;

/// A hold on a Python object that any thread may let go of, with or without the GIL.
KeepAlive hold(nb::object object);

/// The same for anything that is to be dropped with the GIL.
KeepAlive hold(void* thing, void (*drop)(void*));

}  // namespace weft::python
