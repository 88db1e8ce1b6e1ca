/// What a picture of a mesh shows: versions in the boxes of their components, components in the boxes of their
/// releases, and an arrow for each way that some request takes. It holds texts and places in lists only, so that
/// whoever has such a graph can draw it, and drawing depends on nothing else.
package struct GraphPicture: Hashable, Sendable {
  /// `3  Canary 2.0 for flagged users`
  package var title: String
  /// A line under the title; empty for none.
  package var subtitle: String
  package var entries: [Entry]
  package var components: [Component]
  /// In the order in which they are drawn, from the top.
  package var releases: [Release]
  package var edges: [Edge]

  /// Where visitors come in.
  package struct Entry: Hashable, Sendable {
    /// `port 80`
    package var name: String
    /// `shop.example.com/cart`; empty where everything comes in.
    package var detail: String

    package init(name: String, detail: String = "") {
      self.name = name
      self.detail = detail
    }
  }

  package struct Release: Hashable, Sendable {
    package var name: String
    /// Which of a scheme's accents it has, counted on from the last to the first again: a release keeps its colour when
    /// another one is gone.
    package var color: Int

    package init(name: String, color: Int) {
      self.name = name
      self.color = color
    }
  }

  /// A component with those of its versions that are deployed.
  package struct Component: Hashable, Sendable {
    package var name: String
    package var versions: [Version]
    /// Components that some version of it may call, whether or not it does at this moment: pictures of one plan then
    /// have their columns in one order.
    package var calls: [Int]

    package init(name: String, versions: [Version] = [], calls: [Int] = []) {
      self.name = name
      self.versions = versions
      self.calls = calls
    }
  }

  package struct Version: Hashable, Sendable {
    package var name: String
    /// `3 pods, http 8080`
    package var detail: String
    package var standing: Standing
    /// Index into `releases`; nil for a version of none, or of several.
    package var release: Int?

    package init(name: String, detail: String = "", standing: Standing = .live, release: Int? = nil) {
      self.name = name
      self.detail = detail
      self.standing = standing
      self.release = release
    }
  }

  package enum Standing: Hashable, Sendable {
    /// Some request gets there.
    case live
    /// Only copies of requests do.
    case copies
    /// Nothing does.
    case dark
  }

  /// A version, by its component and its place there.
  package struct VersionRef: Hashable, Sendable {
    package var component: Int
    package var version: Int

    package init(_ component: Int, _ version: Int) {
      self.component = component
      self.version = version
    }
  }

  package enum Source: Hashable, Sendable {
    /// Index into `entries`.
    case entry(Int)
    case version(VersionRef)
  }

  package struct Edge: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
      case requests, copies
    }

    package var from: Source
    package var to: VersionRef
    /// Whose requests: `cookie featureflag=on`, `10%`. Empty: all that the source sends there.
    package var label: String
    package var kind: Kind

    package init(from: Source, to: VersionRef, label: String = "", kind: Kind = .requests) {
      self.from = from
      self.to = to
      self.label = label
      self.kind = kind
    }
  }

  package init(
    title: String, subtitle: String = "", entries: [Entry] = [], components: [Component] = [],
    releases: [Release] = [], edges: [Edge] = []
  ) {
    self.title = title
    self.subtitle = subtitle
    self.entries = entries
    self.components = components
    self.releases = releases
    self.edges = edges
  }

  subscript(ref: VersionRef) -> Version { components[ref.component].versions[ref.version] }
}
