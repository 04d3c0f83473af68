#include <weft/actors/endpoint_actor.hpp>
#include <weft/actors/grain_actors.hpp>
#include <weft/actors/pool_actor.hpp>
#include <weft/actors/serving.hpp>

namespace weft::actors {

void init_types() {
#if CAF_VERSION >= 1800
  caf::core::init_global_meta_objects();
  caf::init_global_meta_objects<caf::id_block::weft_errors>();
  caf::init_global_meta_objects<caf::id_block::weft_endpoint>();
  caf::init_global_meta_objects<caf::id_block::weft_pool>();
  caf::init_global_meta_objects<caf::id_block::weft_grains>();
  caf::init_global_meta_objects<caf::id_block::weft_serving>();
#endif
}

}  // namespace weft::actors
