#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include <weft/nodes/tensor.hpp>
#include <weft/python/python.hpp>

namespace weft::python {

/// How many forks lie between the process that began and this one. What was made before the last one belongs to the
/// parent: its threads are not here and its locks may be held, so here it may only be left alone.
unsigned fork_count() noexcept;
void note_fork() noexcept;

/// What a fork's child does with a thing of the parent's: it is never destroyed.
template <class T>
void leave_alone(T&& thing) noexcept {
  [[maybe_unused]] const auto* const left = new (std::nothrow) std::remove_cvref_t<T>(std::forward<T>(thing));
}

/// A hold on a Python object that any thread may let go of, with or without the GIL.
KeepAlive hold(nb::object object);

/// The same for anything that is to be dropped with the GIL.
KeepAlive hold(void* thing, void (*drop)(void*));

}  // namespace weft::python
