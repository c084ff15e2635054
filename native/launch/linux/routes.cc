#include "launch/linux/routes.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "launch/common/failure.h"

namespace airplant {

namespace {

constexpr char kStep[] = "network-routes";

struct Network {
  unsigned char family = AF_INET;
  unsigned char prefix_length = 0;
  unsigned char address[16]{};
  unsigned short address_size = 4;
};

Network ParseNetwork(const std::string& text);
struct RouteRequest {
  nlmsghdr header{};
  rtmsg route{};
  rtattr attribute{};
  unsigned char address[16]{};
};

void Announce(const Network& network, const std::string& text);
bool IsDefaultRoute(const nlmsghdr* message);

}  // namespace

Routes::Routes() : socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)) {
  Check(socket_.Get(), kStep);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  Check(bind(socket_.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address), kStep);
}

bool Routes::DefaultRouteAdded() {
  bool added = false;
  alignas(nlmsghdr) char buffer[16384];
  ssize_t size;
  while ((size = recv(socket_.Get(), buffer, sizeof buffer, 0)) > 0) {
    auto left = static_cast<unsigned>(size);
    for (auto* message = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      added = added || IsDefaultRoute(message);
    }
  }
  if (errno != EAGAIN && errno != EINTR) Fail(kStep);
  return added;
}

void Routes::MakeUnreachable(const std::string& network) { Announce(ParseNetwork(network), network); }

namespace {

bool IsDefaultRoute(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWROUTE) return false;
  const auto* route = static_cast<const rtmsg*>(NLMSG_DATA(message));
  return route->rtm_dst_len == 0 && route->rtm_type == RTN_UNICAST;
}

Network ParseNetwork(const std::string& text) {
  Network network;
  const size_t slash = std::min(text.find('/'), text.size());
  const std::string address = text.substr(0, slash);
  if (inet_pton(AF_INET, address.c_str(), network.address) != 1) {
    network.family = AF_INET6;
    network.address_size = 16;
    if (inet_pton(AF_INET6, address.c_str(), network.address) != 1) Fail(kStep, text, EINVAL);
  }
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + std::min(slash + 1, text.size()), end, network.prefix_length);
  const bool valid = error == std::errc() && stop == end && network.prefix_length <= network.address_size * 8;
  if (!valid) Fail(kStep, text, EINVAL);
  return network;
}

// On a socket of its own: the answer must not get lost among announcements.
void Announce(const Network& network, const std::string& text) {
  RouteRequest request;
  request.header.nlmsg_len = static_cast<unsigned>(offsetof(RouteRequest, address) + network.address_size);
  request.header.nlmsg_type = RTM_NEWROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  request.route.rtm_family = network.family;
  request.route.rtm_dst_len = network.prefix_length;
  request.route.rtm_table = RT_TABLE_MAIN;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_scope = RT_SCOPE_UNIVERSE;
  request.route.rtm_type = RTN_UNREACHABLE;
  request.attribute.rta_type = RTA_DST;
  request.attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(network.address_size));
  memcpy(request.address, network.address, network.address_size);

  const UniqueFd netlink(Check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), kStep));
  Check(send(netlink.Get(), &request, request.header.nlmsg_len, 0), kStep, text);
  struct {
    nlmsghdr header;
    nlmsgerr result;
    char echo[sizeof request];
  } answer{};
  Check(recv(netlink.Get(), &answer, sizeof answer, 0), kStep, text);
  if (answer.header.nlmsg_type != NLMSG_ERROR) Fail(kStep, text, EPROTO);
  const int error = -answer.result.error;
  // Without IPv6 in the kernel, or in this namespace, there is nothing to forbid.
  const bool no_ipv6 = error == EAFNOSUPPORT || error == EOPNOTSUPP || error == EACCES;
  if (error != 0 && !(network.family == AF_INET6 && no_ipv6)) Fail(kStep, text, error);
}

}  // namespace
}  // namespace airplant
