#include "client/target_text.h"

#include "absl/strings/str_cat.h"
#include "client/terminal.h"

namespace halftone {
namespace {

using nlohmann::json;

std::string StateName(v1::ProfilerState state) {
  return state == v1::PROFILER_STATE_BUSY ? "busy" : "idle";
}

json TargetToJson(const v1::Target& target) {
  json document = {{"name", target.name()}, {"description", target.description()}};
  for (const v1::ProfilerRegistration& profiler : target.profilers()) {
    document["profilers"].push_back({{"address", profiler.address()},
                                     {"state", StateName(profiler.state())},
                                     {"silent_seconds", profiler.silent_seconds()},
                                     {"lease_seconds", profiler.lease_seconds()},
                                     {"device",
                                      {{"name", profiler.device().name()},
                                       {"isa", profiler.device().isa()},
                                       {"library", profiler.device().library()},
                                       {"threads", profiler.device().threads()}}}});
  }
  return document;
}

std::string ProfilerText(const v1::ProfilerRegistration& profiler) {
  return absl::StrCat("  at ", profiler.address(), ": ", profiler.device().name(), ", ",
                      StateName(profiler.state()), ", heard of ",
                      static_cast<int64_t>(profiler.silent_seconds()), " s ago");
}

}  // namespace

std::string VersionText(const v1::GetVersionResponse& version) {
  return absl::StrCat("halftone ", version.version(), " (", version.build(), ")");
}

json TargetsToJson(const v1::ListTargetsResponse& response) {
  json targets = json::array();
  for (const v1::Target& target : response.targets()) targets.push_back(TargetToJson(target));
  return {{"targets", std::move(targets)}};
}

std::string TargetsText(const v1::ListTargetsResponse& response) {
  Table table({"target", "description"});
  for (const v1::Target& target : response.targets()) {
    table.Add({target.name(), target.description()});
    for (const v1::ProfilerRegistration& profiler : target.profilers()) {
      table.Add({"", ProfilerText(profiler)});
    }
  }
  return table.Render();
}

}  // namespace halftone
