# Five nodes on five machines, which find each other through Nomad's own service catalog (Nomad 1.4 and later).
# docs/deployment.md says how to use this. The root's certificate and key, and the users, are a Nomad variable:
#
#   nomad var put nomad/jobs/ephemeral-store \
#       root_ca_cert=@rootCA.crt root_ca_key=@rootCA.key users='[{"name":"myuser","auth_mode":"certificate"}]'
variable "image" {
  type    = string
  default = "ephemeral-store:0.1.0"
}

job "ephemeral-store" {
  group "store" {
    count = 5

    constraint {
      distinct_hosts = true
    }

    network {
      mode = "host"
      port "proto" {
        static = 8087
      }
      port "epmd" {
        static = 4369
      }
      port "handoff" {
        static = 8099
      }
    }

    # One after the other, each given the time to hand over what it holds.
    update {
      max_parallel      = 1
      min_healthy_time  = "15s"
      progress_deadline = "10m"
    }

    migrate {
      max_parallel     = 1
      min_healthy_time = "15s"
    }

    service {
      provider = "nomad"
      name     = "ephemeral-store"
      port     = "proto"
      check {
        type     = "tcp"
        interval = "10s"
        timeout  = "2s"
      }
    }

    service {
      provider = "nomad"
      name     = "ephemeral-store-epmd"
      port     = "epmd"
    }

    task "node" {
      driver       = "docker"
      kill_timeout = "40s"

      config {
        image           = var.image
        network_mode    = "host"
        ports           = ["proto", "epmd", "handoff"]
        readonly_rootfs = true
        cap_drop        = ["all"]
        security_opt    = ["no-new-privileges"]
      }

      env {
        ORCHESTRATION                = "none"
        EPHEMERAL_STORE_CLUSTER_SIZE = "5"
        EPHEMERAL_STORE_ADVERTISE    = "${attr.unique.network.ip-address}"
        EPHEMERAL_STORE_PLACE        = "${NOMAD_ALLOC_ID}"
        EPHEMERAL_STORE_CONFIG       = "${NOMAD_SECRETS_DIR}/peers.conf"
        EPHEMERAL_STORE_ROOT_CA_CERT = "${NOMAD_SECRETS_DIR}/rootCA.crt"
        EPHEMERAL_STORE_ROOT_CA_KEY  = "${NOMAD_SECRETS_DIR}/rootCA.key"
      }

      # Read again on SIGHUP. The node's own address is there from the start, so that the list is never empty.
      template {
        destination   = "secrets/peers.conf"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        data          = <<-END
          peers = {{ env "attr.unique.network.ip-address" }}{{ range nomadService "ephemeral-store-epmd" }},{{ .Address }}:{{ .Port }}{{ end }}
        END
      }

      template {
        destination   = "secrets/rootCA.crt"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        data          = "{{ with nomadVar \"nomad/jobs/ephemeral-store\" }}{{ .root_ca_cert }}{{ end }}"
      }

      template {
        destination   = "secrets/rootCA.key"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        data          = "{{ with nomadVar \"nomad/jobs/ephemeral-store\" }}{{ .root_ca_key }}{{ end }}"
      }

      template {
        destination = "secrets/users.env"
        env         = true
        data        = "EPHEMERAL_STORE_USER={{ with nomadVar \"nomad/jobs/ephemeral-store\" }}{{ .users.Value | toJSON }}{{ end }}"
      }

      resources {
        cpu    = 500
        memory = 1024
      }
    }
  }
}
