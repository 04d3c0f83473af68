#include <weft/nodes/c/target_info.hpp>

#include <weft/nodes/c/fabrics.h>
#include <weft/nodes/c/boundary.hpp>

using namespace weft::c;

weftStatus weftFabricsTargetInfoToString(const weftTargetInfo in_info, char* out_string, size_t* in_out_size) {
  return guarded("weftFabricsTargetInfoToString", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_out_size));
    WEFT_C_LET(const auto object, HandleTable::instance().find<InfoObject>(in_info));
    return text_out(object->info.to_string(), out_string, in_out_size);
  });
}

weftStatus weftFabricsTargetInfoFromString(const char* in_string, weftTargetInfo* out_info) {
  return guarded("weftFabricsTargetInfoFromString", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_string, out_info));
    WEFT_C_LET(weft::TargetInfo info, weft::TargetInfo::parse(in_string));
    return give(HandleTable::instance().add(std::make_shared<InfoObject>(std::move(info))), out_info);
  });
}

weftStatus weftFabricsFreeTargetInfo(weftTargetInfo in_info) {
  return guarded("weftFabricsFreeTargetInfo", [&] { return HandleTable::instance().destroy<InfoObject>(in_info); });
}
