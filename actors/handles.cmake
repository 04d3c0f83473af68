# The typed handles of a node's actors, weft::actors. They lie in actors/ and are spelt <weft/actors/…>, but speak in the
# values of nodes: so they stand above it, and are declared after it.
set(handle_sources actor_error.cpp endpoint_actor.cpp init_types.cpp initiator_actor.cpp pool_actor.cpp target_actor.cpp)
set(handle_tests endpoint_actor_test.cpp grain_actors_test.cpp pool_actor_test.cpp actors_end_test.cpp)
weft_component(handles
  DIR actors
  SPELT actors
  ALONE
  SOURCES ${handle_sources}
  PUBLIC actor_error.hpp caf.hpp endpoint_actor.hpp grain_actors.hpp pool_actor.hpp
  DEPENDS base actors nodes
  LIBS weft::caf
  TESTS ${handle_tests} ../nodes/watchdog.cpp)
# What CAF's headers do, see actors/CMakeLists.txt.
set(caf_habits -U_GLIBCXX_ASSERTIONS)
if(WEFT_SANITIZE MATCHES undefined)
  list(APPEND caf_habits -fno-sanitize=null)
endif()
target_compile_options(weft_handles PUBLIC ${caf_habits})
